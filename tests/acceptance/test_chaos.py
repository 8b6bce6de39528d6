"""A short storm over a fleet of real processes; `make chaos MINUTES=n` is the long one."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.chaos import footage, run
from tests.chaos.disturbances import Kind, Mode
from tests.chaos.report import Figures, table
from tests.servers.ministack import NoServerError as NoQueueServerError
from tests.unit.graph.postgres_server import NoServerError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="the harness freezes processes and reads /proc"),
]


@dataclass(frozen=True)
class Calm:
    """Footage, and the manifests that it has when nothing disturbs, by name."""

    clips: Sequence[Path]
    manifests: Mapping[str, Any]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    folder = tmp_path_factory.mktemp("calm")
    clips = footage.clips(folder / "footage", long=False)
    return Calm(clips, run.undisturbed(folder / "out", clips, folder))


def weathered(folder: Path, calm: Calm, mode: Mode, *, seed: int, seconds: float) -> Figures:
    setting = run.Setting(folder=folder, sources=calm.clips, mode=mode, seed=seed, seconds=seconds)
    said: list[str] = []
    try:
        figures = run.run(setting, said.append, expected=calm.manifests)
    except (NoServerError, NoQueueServerError) as error:
        pytest.skip(str(error))
    assert figures.held, "\n".join([*figures.complaints, table(figures), *said, f"logs: {folder}"])
    return figures


def test_workers_that_see_only_queues_lose_nothing_in_a_storm(tmp_path: Path, calm: Calm) -> None:
    figures = weathered(tmp_path, calm, Mode.SQS, seed=4, seconds=30)
    assert figures.published > 0
    assert set(figures.disturbances) == set(Kind), "the storm was too mild to prove anything"


def test_workers_that_share_the_ledger_lose_nothing_in_a_storm(tmp_path: Path, calm: Calm) -> None:
    figures = weathered(tmp_path, calm, Mode.DIRECT, seed=5, seconds=16)
    assert figures.published > 0
