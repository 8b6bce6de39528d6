"""The loops that keep the fleet record."""

from __future__ import annotations

import pytest

from eddyline.app import fleet_record
from eddyline.app.fleet_record import repeat
from eddyline.core.backoff import BackoffPolicy
from eddyline.core.errors import TransientError
from eddyline.core.stop import Stop


def _run(results: list[Exception | None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run one step for each result; returns the warnings."""
    monkeypatch.setattr(fleet_record, "_BACKOFF", BackoffPolicy(base_s=0.001, cap_s=0.001))
    stop, warnings, left = Stop(), list[str](), iter(results)

    def step() -> None:
        found = next(left, "end")
        if found == "end":
            stop.request("the test ends")
        elif isinstance(found, Exception):
            raise found

    repeat("test", step, stop=stop, warn=warnings.append)
    return warnings


def test_a_failure_is_logged_once_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    down = TransientError("down")
    assert _run([down, down, down, None, None, down, down], monkeypatch) == ["down", "down"]


def test_an_unexpected_error_does_not_end_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    down = TransientError("down")
    assert _run([ValueError("a bug"), None, down], monkeypatch) == ["down"]


def test_a_requested_stop_ends_the_loop_at_once() -> None:
    stop = Stop()
    stop.request("before")
    repeat("test", lambda: pytest.fail("a step ran"), stop=stop, warn=pytest.fail)
