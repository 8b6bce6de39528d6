"""A worker that wakes up after others have finished its asset leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.pipeline.runtime_helpers import Making

from eddyline.core.errors import TransientError
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import JobContext
from eddyline.pipeline.runtime.stale_output_cleanup import cleaning_up
from eddyline.store.local import LocalStore


def _parts(making: Making) -> list[str]:
    return list(making.store.list(".eddyline/parts"))


def _keeping(making: Making, *, tidied: bool, fails: bool = False) -> None:
    """Do a chunk again, during which others finish the asset, or do not."""

    def chunk(_job: Job, _context: JobContext) -> Done:
        if tidied:
            making.perform(making.job("tidy"))
        making.runtime.parts.keep(making.plan.part("chunk", 0), {}, {}, 0.0)
        if fails:
            raise TransientError("no")
        return Done(result={})

    cleaning_up(making.runtime, chunk)(making.job("publish"), JobContext(attempt=1))


def test_what_is_made_of_an_asset_that_was_tidied_meanwhile_is_removed(tmp_path: Path) -> None:
    making = Making(LocalStore(tmp_path / "store"), tmp_path / "work")
    _keeping(making, tidied=True)
    assert _parts(making) == []


def test_so_is_what_a_failed_start_left(tmp_path: Path) -> None:
    making = Making(LocalStore(tmp_path / "store"), tmp_path / "work")
    with pytest.raises(TransientError):
        _keeping(making, tidied=True, fails=True)
    assert _parts(making) == []


def test_what_is_made_in_time_stays(tmp_path: Path) -> None:
    making = Making(LocalStore(tmp_path / "store"), tmp_path / "work")
    before = _parts(making)
    _keeping(making, tidied=False)
    assert set(_parts(making)) >= set(before)
    assert making.runtime.parts.find(making.plan.part("chunk", 0)) is not None
