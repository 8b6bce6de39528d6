"""A thousand warnings in ten seconds, at the request rates that AWS documents: all DRAINING within thirty.

The events pass through the queue of the function, as `rules` states it: five pollers of the event source
mapping, batches of at most a hundred messages collected for a second. The time is real; the agents of the
instances compete for the same rate, because each of them sets its own container instance to DRAINING.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.servers.aws_api.token_bucket import TokenBucket
from tests.unit.aws.lambdas.lambda_fleet import SETTINGS, LambdaFleet, batch

from eddyline.aws.lambdas.calls import Calls
from eddyline.aws.lambdas.spot_drain import SpotDrain
from eddyline.fleet.names import cluster_name

WARNINGS = 1000
WITHIN_S = 10.0
LIMIT_S = 30.0
POLLERS = 5  # of a new event source mapping (Lambda Developer Guide, "Using Lambda with Amazon SQS")
BATCH = 100
WINDOW_S = 1.0
# ECS API Reference, "Request throttling": burst and sustained rate of cluster resource actions, for an
# account and region. Rates of Auto Scaling are not published: these are low on purpose.
ECS_MODIFY = ("ecs", "UpdateContainerInstancesState"), (100.0, 40.0)
ECS_READ = ("ecs", "ListContainerInstances"), (100.0, 20.0)
AUTO_SCALING = ("autoscaling", "DescribeAutoScalingInstances"), (20.0, 5.0)


class _Pollers:
    """The event source mapping: threads that collect batches and invoke the function."""

    def __init__(self, fleet: LambdaFleet) -> None:
        self._fleet = fleet
        self._messages: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.invocations = 0
        self._threads = [threading.Thread(target=self._poll) for _ in range(POLLERS)]

    def send(self, event: dict[str, Any]) -> None:
        self._messages.put(json.dumps(event))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for _ in self._threads:
            self._messages.put(None)
        for thread in self._threads:
            thread.join()

    def _poll(self) -> None:
        function = SpotDrain(settings=SETTINGS, clients=self._fleet.clients)
        while (bodies := self._collect()) is not None:
            self.invocations += 1
            answer = function.run(batch(*bodies), Calls(deadline=time.monotonic() + 20.0))
            for failure in answer["batchItemFailures"]:  # received again after the visibility timeout
                self._messages.put(bodies[int(failure["itemIdentifier"].rpartition("-")[2])])

    def _collect(self) -> list[str] | None:
        first = self._messages.get()
        if first is None:
            return None
        bodies, end = [first], time.monotonic() + WINDOW_S
        while len(bodies) < BATCH and (left_s := end - time.monotonic()) > 0:
            try:
                body = self._messages.get(timeout=left_s)
            except queue.Empty:
                break
            if body is None:
                self._messages.put(None)
                break
            bodies.append(body)
        return bodies


class _Agents:
    """The ECS agents: each sets its container instance to DRAINING, and repeats throttled calls."""

    def __init__(self, fleet: LambdaFleet, bucket: TokenBucket) -> None:
        self._fleet = fleet
        self._bucket = bucket
        self._waiting: list[tuple[float, int, str]] = []
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def warned(self, arn: str) -> None:
        with self._lock:  # the agent polls the metadata every few seconds
            self._waiting.append((time.time() + 2.5, 1, arn))

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.05):
            now = time.time()
            with self._lock:
                due = [each for each in self._waiting if each[0] <= now]
                self._waiting = [each for each in self._waiting if each[0] > now]
            for _, attempt, arn in due:
                with self._fleet.plane.lock:
                    if self._bucket.take(now):
                        self._fleet.model.containers.set_status(arn, "DRAINING", now)
                        continue
                with self._lock:
                    self._waiting.append((now + min(0.5 * 2**attempt, 8.0), attempt + 1, arn))


@pytest.mark.slow
@pytest.mark.parametrize("agents_drain", [False, True], ids=["function alone", "beside the agents"])
def test_a_thousand_container_instances_drain_within_30_seconds(
    fleet: LambdaFleet, record_property: Callable[[str, object], None], *, agents_drain: bool
) -> None:
    fleet.plane.clock = time.time
    fleet.clock.advance(time.time() - fleet.clock.now())
    arns = {}
    for number in range(WARNINGS):
        pool = ("cpu", "gpu")[number % 2]
        instance = fleet.launch(pool, registered=False)
        found = fleet.model.containers.register(instance, cluster_name("eddyline", pool), time.time())
        arns[instance.id] = found.arn
    # Without tasks: the model looks through all of them at each change.
    fleet.model.containers.tasks.clear()
    fleet.effects.events.clear()
    for key, (burst, per_s) in (ECS_MODIFY, ECS_READ, AUTO_SCALING):
        fleet.plane.limits[key] = TokenBucket(burst=burst, per_s=per_s)
    agents = _Agents(fleet, fleet.plane.limits[ECS_MODIFY[0]]) if agents_drain else None
    pollers = _Pollers(fleet)
    pollers.start()
    started = time.monotonic()
    try:
        for number, (instance_id, arn) in enumerate(arns.items()):
            delay_s = started + WITHIN_S * number / WARNINGS - time.monotonic()
            time.sleep(max(delay_s, 0.0))
            with fleet.plane.lock:
                fleet.model.warn(instance_id, time.time())
                pollers.send(fleet.effects.events[-1])
            if agents is not None:
                agents.warned(arn)
        while time.monotonic() - started < LIMIT_S:
            with fleet.plane.lock:
                left = [each for each in fleet.model.containers.instances.values() if each.status == "ACTIVE"]
            if not left:
                break
            time.sleep(0.1)
        took_s = time.monotonic() - started
    finally:
        pollers.stop()
        if agents is not None:
            agents.stop()
    calls = fleet.plane.calls
    throttled = sum(bool(call.error) for call in calls)
    record_property("figures", f"{took_s:.1f} s, {pollers.invocations} invocations, {len(calls)} calls")
    record_property("throttled", throttled)
    assert not left
    assert len(fleet.queues.sent) >= WARNINGS
    # Single invocations would need a thousand reads and a thousand changes, 45 s of reads at the sustained
    # rate.
    assert len(calls) < WARNINGS
