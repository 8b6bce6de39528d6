"""A task is protected from scale-in exactly while a job runs."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers.ecsagent import FakeAgent, agent
from tests.waiting import wait_until

from eddyline.aws.ecs_protection import TaskProtection

ON = {"ProtectionEnabled": True, "ExpiresInMinutes": 5}
OFF = {"ProtectionEnabled": False}


@pytest.fixture
def fake() -> Iterator[FakeAgent]:
    with agent() as running:
        yield running


@pytest.fixture
def errors() -> list[str]:
    return []


def _make(url: str, errors: list[str], **options: Any) -> TaskProtection:
    return TaskProtection(url, on_error=errors.append, **{"pause_s": 0.02, **options})


def test_the_task_is_protected_only_while_a_job_runs(fake: FakeAgent, errors: list[str]) -> None:
    protection = _make(fake.url, errors)
    time.sleep(0.05)
    assert fake.requests == []
    protection.set_busy(True)
    wait_until(lambda: fake.requests == [ON])
    protection.set_busy(False)
    wait_until(lambda: fake.requests == [ON, OFF])
    protection.close()
    assert fake.requests == [ON, OFF]
    assert errors == []


def test_protection_is_renewed_before_it_expires(fake: FakeAgent, errors: list[str]) -> None:
    protection = _make(fake.url, errors, renew_s=0.05)
    protection.set_busy(True)
    wait_until(lambda: fake.requests.count(ON) >= 3)
    protection.close()
    assert not fake.protected


def test_close_releases_the_task_while_a_job_runs(fake: FakeAgent, errors: list[str]) -> None:
    protection = _make(fake.url, errors, pause_s=30.0)
    protection.set_busy(True)
    wait_until(lambda: fake.protected)
    protection.close()
    assert not fake.protected


def test_many_short_jobs_cause_few_requests(fake: FakeAgent, errors: list[str]) -> None:
    protection = _make(fake.url, errors, pause_s=0.2)
    for _ in range(500):
        protection.set_busy(True)
        protection.set_busy(False)
    protection.close()
    assert len(fake.requests) <= 3
    assert not fake.protected


def test_a_rejected_request_is_reported_once_and_retried(fake: FakeAgent, errors: list[str]) -> None:
    fake.failing = 3
    protection = _make(fake.url, errors)
    protection.set_busy(True)
    wait_until(lambda: fake.requests == [ON])
    protection.close()
    assert len(errors) == 1
    assert "DEPLOYMENT_BLOCKED" in errors[0]
    assert not fake.protected


def test_an_unconfirmed_protection_is_released(fake: FakeAgent, errors: list[str]) -> None:
    fake.failing = 1
    protection = _make(fake.url, errors, pause_s=5.0)
    protection.set_busy(True)
    wait_until(lambda: errors)
    # Whether the task is protected now is unknown: the response may have been lost.
    protection.close()
    assert fake.requests == [OFF]


def test_an_unavailable_agent_does_not_block_close(errors: list[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        protection = _make(f"http://127.0.0.1:{free.getsockname()[1]}/api/x", errors)
        protection.set_busy(True)
        wait_until(lambda: errors)
        began = time.monotonic()
        protection.close()
        assert time.monotonic() - began < 20


def test_outside_ecs_no_task_is_protected(fake: FakeAgent, errors: list[str]) -> None:
    assert TaskProtection.from_environment({}, errors.append) is None
    protection = TaskProtection.from_environment({"ECS_AGENT_URI": fake.url}, errors.append)
    assert protection is not None
    protection.set_busy(True)
    wait_until(lambda: fake.protected)
    protection.close()
    assert not fake.protected
