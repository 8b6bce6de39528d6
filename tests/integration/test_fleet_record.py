"""The queue of fleet events and the fleet record, with real queues, databases and coordinator processes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.integration.aws_site import REGION
from tests.integration.broker_helpers import KEYS
from tests.servers.ministack import Ministack
from tests.unit.fleet.events import recorded_events as recorded
from tests.unit.graph.conftest import postgres
from tests.unit.graph.postgres_server import empty_database
from tests.waiting import wait_until

from eddyline.app.fleet.events import FleetEventConsumer
from eddyline.app.shared_services import PRIORITIES
from eddyline.aws.clients import open_client
from eddyline.aws.fleet_queue import FleetQueue
from eddyline.aws.sqs.client import QueueNames, SqsClient
from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.notices import Parsed
from eddyline.fleet.pools import load_pools
from eddyline.fleet.record.attribution import fleet_event
from eddyline.fleet.record.fold import fold
from eddyline.graph.fleet_event import FleetEvent
from eddyline.graph.instance import Instance
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine

__all__ = ["postgres"]

_POOLS = tuple(load_pools().pools)
_HOOKS = dict.fromkeys(_POOLS, 900.0)
_INSTANCES = 250
_KILLS = 4
_WITHIN_S = 90.0


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def _queues(ministack: Ministack) -> SqsClient:
    prefix = f"f{uuid.uuid4().hex[:8]}"
    naming = QueueNames(prefix=prefix, pools=_POOLS, priorities=PRIORITIES)
    return SqsClient(open_client("sqs", endpoint=ministack.url, region=REGION), naming)


def _with_id(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "id": str(uuid.uuid4())}


def _life(number: int, prefix: str) -> list[dict[str, Any]]:
    """The events of one instance: launched, warned, terminated; every fifth is scaled in instead."""
    name, group = f"i-{number:017x}", f"{prefix}-cpu-spot"
    end = recorded.lifecycle(name, group) if number % 5 == 0 else recorded.warning(name)
    at = "2026-03-01T11:50:00Z"
    launched = recorded.group_activity("Launch Successful", name, group)
    events = [
        {**launched, "time": at},
        {**recorded.state_change("running", name), "time": at},
        end,
        {**recorded.state_change("terminated", name), "time": "2026-03-01T12:02:30Z"},
    ]
    return [_with_id(event) for event in events]


def _send(queues: SqsClient, events: Sequence[dict[str, Any]]) -> None:
    assert all(queues.send(queues.naming.fleet, [json.dumps(event) for event in events]))


def _folded(events: Sequence[dict[str, Any]], prefix: str) -> dict[str, Instance]:
    by_instance: dict[str, list[FleetEvent]] = defaultdict(list)
    for event in events:
        parsed = parse_event(event)
        for notice in parsed.notices if isinstance(parsed, Parsed) else ():
            found = fleet_event(notice, prefix=prefix, pools=_POOLS)
            if found is not None:
                by_instance[found.instance].append(found)
    return {name: fold(found) for name, found in by_instance.items()}


def _start_coordinator(location: str, queues: SqsClient, ministack: Ministack, log: Path) -> Any:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL_SQS": ministack.url,
        "AWS_REGION": REGION,
        "EDDYLINE_LEDGER": location,
        "EDDYLINE_QUEUES": queues.naming.prefix,
    }
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "eddyline", "coordinator"],
            env=environment,
            stdout=stream,
            stderr=stream,
        )


@pytest.mark.slow
def test_killed_coordinators_record_every_event_once(
    postgres: str, ministack: Ministack, tmp_path: Path
) -> None:
    location = empty_database(postgres)
    rng, queues, log = random.Random(11), _queues(ministack), tmp_path / "log"
    queues.ensure_queues()
    queues.ensure_fleet_queues()
    events = [event for number in range(_INSTANCES) for event in _life(number, queues.naming.prefix)]
    assert len(events) == 1000
    sent = events + rng.sample(events, 200)  # EventBridge delivers at least once
    rng.shuffle(sent)
    with Ledger.open(location, publishes=True) as ledger:

        def count() -> int:
            return len(ledger.fleet.instances(0, 4e9))

        _send(queues, sent)
        for kill in range(1, _KILLS + 1):
            process = _start_coordinator(location, queues, ministack, log)
            try:
                goal = kill * _INSTANCES // (_KILLS + 2)
                wait_until(lambda goal=goal: count() >= goal, timeout_s=_WITHIN_S, message=log.read_text)  # type: ignore[misc]
                assert process.poll() is None, log.read_text()
            finally:
                process.kill()
                process.wait()
        process = _start_coordinator(location, queues, ministack, log)
        try:
            expected = _folded(events, queues.naming.prefix)
            assert len(expected) == _INSTANCES
            wait_until(partial(_are_recorded, ledger, expected), timeout_s=_WITHIN_S, message=log.read_text)
            # A killed process leaves its messages in flight until their visibility timeout ends.
            wait_until(
                lambda: queues.depth(queues.naming.fleet) == 0, timeout_s=_WITHIN_S, message=log.read_text
            )
            assert _are_recorded(ledger, expected)
        finally:
            process.terminate()
            assert process.wait(30) in {0, 143}, log.read_text()
    ended = {each.ended_by for each in expected.values()}
    assert ended == {"interruption", "scale-in"}
    assert queues.depth(queues.naming.dead_letters) == 0
    assert "background loop step failed" not in log.read_text()


def _are_recorded(ledger: Ledger, expected: dict[str, Instance]) -> bool:
    return {each.instance: each for each in ledger.fleet.instances(0, 4e9)} == expected


@pytest.mark.slow
def test_a_coordinator_process_drains_the_workers_of_an_interrupted_instance(
    ministack: Ministack, tmp_path: Path
) -> None:
    queues, location, log = _queues(ministack), str(tmp_path / "ledger.db"), tmp_path / "log"
    process = _start_coordinator(location, queues, ministack, log)
    try:
        with Ledger.open(location, publishes=True) as ledger:
            machine = Machine(pool="cpu", instance=recorded.ID, lifecycle="spot")
            ledger.register("ada", "host", 1, lease_s=600, machine=machine)
            wait_until(lambda: _exists(queues), timeout_s=_WITHIN_S, message=log.read_text)
            now = ledger.now()
            time = _iso(now)
            queues.create_queue(queues.naming.command_queue("ada"))
            _send(queues, [_with_id({**recorded.warning(), "time": time})])
            received: list[Any] = []

            def has_command() -> bool:
                received.extend(
                    queues.receive(queues.naming.command_queue("ada"), limit=1, wait_s=0, visibility_s=30)
                )
                return bool(received)

            waited = wait_until(has_command, timeout_s=_WITHIN_S, message=log.read_text)
            assert waited < 30
            found = ledger.fleet.instance(recorded.ID)
            assert found is not None
            assert (found.warned_at, found.ended_by) == (int(now), "")
    finally:
        process.kill()
        process.wait()
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    (drained,) = [line for line in lines if line.get("event") == "instance drained"]
    assert (drained["instance"], drained["workers"]) == (recorded.ID, ["ada"])


def _exists(queues: SqsClient) -> bool:
    return queues.naming.fleet in queues.list_queues(queues.naming.prefix)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.slow
def test_the_fleet_queues_have_the_attributes_that_terraform_sets(ministack: Ministack) -> None:
    queues = _queues(ministack)
    queues.ensure_queues()
    queues.ensure_fleet_queues()
    queues.ensure_fleet_queues()
    for name, visibility in ((queues.naming.fleet, "30"), (f"{queues.naming.prefix}-drain", "180")):
        found = queues.attributes(name, "All")
        assert (found["VisibilityTimeout"], found["MessageRetentionPeriod"]) == (visibility, "1209600")
        policy = json.loads(found["RedrivePolicy"])
        assert int(policy["maxReceiveCount"]) == 10
        assert policy["deadLetterTargetArn"].endswith(f":{queues.naming.dead_letters}")


@pytest.mark.slow
def test_an_unreadable_event_moves_to_the_dead_letter_queue(ministack: Ministack, tmp_path: Path) -> None:
    queues = _queues(ministack)
    queues.ensure_queues()
    queues.ensure_fleet_queues()
    with Ledger.open(tmp_path / "ledger.db", publishes=True) as ledger:
        consumer = FleetEventConsumer(ledger, FleetQueue(queues), prefix=queues.naming.prefix, hooks=_HOOKS)
        broken = recorded.warning(instance="not-an-id")
        _send(queues, [broken, _with_id(recorded.warning())])
        new = consumer.step(1) + consumer.step(1)
        assert new == 1
    (dead,) = queues.receive(queues.naming.dead_letters, limit=10, wait_s=1, visibility_s=30)
    assert json.loads(dead.body) == broken
    assert "instance-id is not an instance id" in dead.attributes["reason"]
    assert dead.attributes["queue"] == queues.naming.fleet
    assert queues.depth(queues.naming.fleet) == 0
