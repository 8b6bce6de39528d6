"""A short storm over a fleet of real processes; `make chaos MINUTES=n` is the long one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.chaos import footage, trial
from tests.chaos.disturbances import Mode
from tests.chaos.report import Figures, table
from tests.servers.ministack import NoServerError as NoQueueServerError
from tests.unit.graph.server import NoServerError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="the harness freezes processes and reads /proc"),
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    return footage.clips(tmp_path_factory.mktemp("footage"), long=False)


def weathered(folder: Path, clips: Sequence[Path], mode: Mode, *, seed: int, seconds: float) -> Figures:
    setting = trial.Setting(folder=folder, sources=clips, mode=mode, seed=seed, seconds=seconds)
    try:
        figures = trial.run(setting, sys.stdout.write)
    except (NoServerError, NoQueueServerError) as error:
        pytest.skip(str(error))
    assert figures.held, "\n".join([*figures.complaints, table(figures), f"logs: {folder}"])
    return figures


def test_workers_that_see_only_queues_lose_nothing_in_a_storm(tmp_path: Path, clips: Sequence[Path]) -> None:
    figures = weathered(tmp_path, clips, Mode.SQS, seed=4, seconds=32)
    assert figures.published >= len(clips)
    assert figures.lost > 0, "the storm was too mild to prove anything"


def test_workers_that_share_the_ledger_lose_nothing_in_a_storm(tmp_path: Path, clips: Sequence[Path]) -> None:
    figures = weathered(tmp_path, clips, Mode.DIRECT, seed=5, seconds=16)
    assert figures.published > 0
