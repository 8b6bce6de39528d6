"""A worker that continues after others have finished its asset leaves no files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.pipeline.runtime_helpers import PreparedAsset

from eddyline.core.errors import TransientError
from eddyline.pipeline.runtime.stale_output_cleanup import remove_stale_output
from eddyline.store.local import LocalStore


def _parts(prepared: PreparedAsset) -> list[str]:
    return list(prepared.store.list(".eddyline/parts"))


def _run_job(prepared: PreparedAsset, *, tidied: bool, fail: bool = False) -> None:
    """Store a part of a chunk; if `tidied`, the asset is tidied in the meantime."""
    with remove_stale_output(prepared.store, prepared.plan):
        if tidied:
            prepared.run(prepared.job("tidy"))
        prepared.runtime.parts.save(prepared.plan.part_key("chunk", 0), {}, {}, 0.0)
        if fail:
            raise TransientError("no")


def test_output_for_an_asset_that_was_tidied_meanwhile_is_removed(tmp_path: Path) -> None:
    prepared = PreparedAsset(LocalStore(tmp_path / "store"), tmp_path / "work")
    _run_job(prepared, tidied=True)
    assert _parts(prepared) == []


def test_output_of_a_failed_attempt_is_removed_too(tmp_path: Path) -> None:
    prepared = PreparedAsset(LocalStore(tmp_path / "store"), tmp_path / "work")
    with pytest.raises(TransientError):
        _run_job(prepared, tidied=True, fail=True)
    assert _parts(prepared) == []


def test_output_is_kept_while_the_plan_exists(tmp_path: Path) -> None:
    prepared = PreparedAsset(LocalStore(tmp_path / "store"), tmp_path / "work")
    before = _parts(prepared)
    _run_job(prepared, tidied=False)
    assert set(_parts(prepared)) >= set(before)
    assert prepared.runtime.parts.find(prepared.plan.part_key("chunk", 0)) is not None
