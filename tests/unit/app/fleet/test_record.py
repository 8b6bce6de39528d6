"""The loops that keep the fleet record."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.waiting import wait_until

from eddyline.app.fleet import record
from eddyline.app.fleet.record import keep_fleet_record, repeat
from eddyline.aws.client_errors import AccessError
from eddyline.aws.sqs.queue_names import QueueNames
from eddyline.core.backoff import BackoffPolicy
from eddyline.core.errors import TransientError
from eddyline.core.stop import Stop
from eddyline.fleet.pools import load_pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine


def _run(results: list[Exception | bool | None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run one step for each result; returns the warnings."""
    monkeypatch.setattr(record, "_BACKOFF", BackoffPolicy(base_s=0.001, cap_s=0.001))
    stop, warnings, left = Stop(), list[str](), iter(results)

    def step() -> object:
        found = next(left, "end")
        if found == "end":
            stop.request("the test ends")
        elif isinstance(found, Exception):
            raise found
        return found

    repeat("test", step, stop=stop, warn=warnings.append)
    return warnings


def test_a_failure_is_logged_once_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    down = TransientError("down")
    assert _run([down, down, down, None, None, down, down], monkeypatch) == ["down", "down"]


def test_a_step_without_work_does_not_end_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    down = TransientError("down")
    assert _run([down, False, False, down, True, down], monkeypatch) == ["down", "down"]


def test_an_unexpected_error_does_not_end_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    down = TransientError("down")
    assert _run([ValueError("a bug"), None, down], monkeypatch) == ["down"]


def test_a_requested_stop_ends_the_loop_at_once() -> None:
    stop = Stop()
    stop.request("before")
    repeat("test", lambda: pytest.fail("a step ran"), stop=stop, warn=pytest.fail)


class _Log:
    """A log that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.warnings.append((event, fields))

    def info(self, _event: str, **_fields: Any) -> None:
        """Nothing is kept."""


class _Queues:
    """Queues that this role may not use."""

    naming = QueueNames(prefix="eddyline", pools=("cpu",))

    def ensure_fleet_queues(self) -> None:
        raise AccessError("reading the attributes of the queue eddyline-fleet: AccessDenied")


class _Shared:
    """Services of which EC2 may not be used."""

    queues = "eddyline"

    def ec2_instances(self) -> None:
        raise AccessError("describing the EC2 instances: UnauthorizedOperation")


def test_a_coordinator_without_the_permissions_says_so_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_BACKOFF", BackoffPolicy(base_s=0.001, cap_s=0.001))
    log, actions = _Log(), list[str]()
    metrics = SimpleNamespace(record_action=lambda what, _count: actions.append(what))
    observation: Any = SimpleNamespace(log=log, metrics=metrics)
    shared: Any = _Shared()
    queues: Any = _Queues()
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.register("ada", "host", 1, machine=Machine(pool="cpu", instance="i-0123456789abcdef0"))
        with keep_fleet_record(shared, ledger, queues, load_pools(), observation):
            wait_until(lambda: len(log.warnings) == 2 and actions, timeout_s=10)
        assert len(list(ledger.fleet.running())) == 1
    assert sorted(event for event, _ in log.warnings) == [
        "fleet events unavailable",
        "instances not described",
    ]
    assert actions == ["machines recorded"]
