"""A truncated response is an error, not an empty response."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.servers.ministack import Ministack
from tests.servers.network import NO_FAULTS, Fault, FaultRates, Proxy, proxy

pytest.importorskip("boto3")

from eddyline.aws.client_errors import QueueError
from eddyline.aws.clients import open_client
from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.queue_names import QueueNames


@pytest.fixture
def faulty_proxy(ministack: Ministack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with proxy(f"127.0.0.1:{ministack.port}", random.Random(3)) as started:
        yield started


@pytest.mark.parametrize(
    "call",
    [
        lambda queues: queues.send("cut-off", ["a", "b"]),
        lambda queues: queues.receive("cut-off", limit=10, wait_s=0, visibility_s=30),
        lambda queues: queues.depth("cut-off"),
    ],
    ids=["send", "receive", "depth"],
)
def test_a_truncated_response_is_an_error(faulty_proxy: Proxy, call: Callable[[SqsClient], Any]) -> None:
    queues = SqsClient(
        open_client("sqs", endpoint=faulty_proxy.url, region="us-east-1"),
        QueueNames(prefix="cut-off", pools=("cpu",)),
    )
    queues.create_queue("cut-off", retention_s=600)
    queues.send("cut-off", ["first"])
    faulty_proxy.fault_rates = FaultRates(cut=1.0)
    with pytest.raises(QueueError, match="truncated"):
        call(queues)
    assert faulty_proxy.count(Fault.CUT) > 0


def test_complete_responses_are_accepted(faulty_proxy: Proxy) -> None:
    queues = SqsClient(
        open_client("sqs", endpoint=faulty_proxy.url, region="us-east-1"),
        QueueNames(prefix="whole", pools=("cpu",)),
    )
    queues.create_queue("whole", retention_s=600)
    assert faulty_proxy.fault_rates is NO_FAULTS
    assert queues.send("whole", ["a", "b"]) == [True, True]
    assert {each.body for each in queues.receive("whole", limit=10, wait_s=0, visibility_s=30)} <= {"a", "b"}
