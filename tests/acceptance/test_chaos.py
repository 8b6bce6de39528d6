"""A short chaos test of a fleet of real processes; `make chaos MINUTES=n` runs a long one."""

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
class Undisturbed:
    """Clips, and the manifests of their undisturbed run by name."""

    clips: Sequence[Path]
    manifests: Mapping[str, Any]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    clips = footage.clips(folder / "footage", long=False)
    return Undisturbed(clips, run.undisturbed(folder / "out", clips, folder))


def disturbed(folder: Path, undisturbed: Undisturbed, mode: Mode, *, seed: int, seconds: float) -> Figures:
    setting = run.Setting(folder=folder, sources=undisturbed.clips, mode=mode, seed=seed, seconds=seconds)
    lines: list[str] = []
    try:
        figures = run.run(setting, lines.append, expected=undisturbed.manifests)
    except (NoServerError, NoQueueServerError) as error:
        pytest.skip(str(error))
    assert figures.passed, "\n".join([*figures.violations, table(figures), *lines, f"logs: {folder}"])
    return figures


def test_workers_that_use_only_queues_lose_no_jobs_in_a_chaos_test(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    figures = disturbed(tmp_path, undisturbed, Mode.SQS, seed=4, seconds=30)
    assert figures.published > 0
    assert set(figures.disturbances) == set(Kind), "not every kind of disturbance occurred"


def test_workers_that_share_the_ledger_lose_no_jobs_in_a_chaos_test(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    figures = disturbed(tmp_path, undisturbed, Mode.DIRECT, seed=5, seconds=16)
    assert figures.published > 0
