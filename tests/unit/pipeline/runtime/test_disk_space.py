from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from eddyline.core.errors import Interrupted, TransientError
from eddyline.core.stop import Stop
from eddyline.pipeline.runtime.disk_space import await_disk_space, free_gib


def test_a_missing_directory_counts_as_on_its_parents_disk(tmp_path: Path) -> None:
    assert free_gib(tmp_path / "a" / "b") == pytest.approx(free_gib(tmp_path), rel=0.1)


def test_sufficient_space_needs_no_wait(tmp_path: Path) -> None:
    started = time.monotonic()
    await_disk_space(tmp_path, free_gib(tmp_path) / 2, Stop(), timeout_s=60)
    assert time.monotonic() - started < 30


def test_a_timeout_reports_needed_and_free_space(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match=r"needs 1e\+06 GiB free .*pools\.yaml"):
        await_disk_space(tmp_path, 1e6, Stop(), timeout_s=0)


def test_a_stop_ends_the_wait_for_space(tmp_path: Path) -> None:
    stop = Stop()
    threading.Timer(0.2, stop.request, ("enough",)).start()
    started = time.monotonic()
    with pytest.raises(Interrupted):
        await_disk_space(tmp_path, 1e6, stop, timeout_s=60)
    assert time.monotonic() - started < 30
