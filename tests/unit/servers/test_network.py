from __future__ import annotations

import http.client
import random
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.servers.ministack import Ministack, NoServerError, running
from tests.servers.network import Fault, FaultRates, Proxy, proxy


@pytest.fixture
def faulty_proxy(ministack: Ministack) -> Iterator[Proxy]:
    with proxy(f"127.0.0.1:{ministack.port}", random.Random(3)) as started:
        yield started


def client(url: str, *, attempts: int = 1) -> Any:
    config = pytest.importorskip("botocore.config").Config(retries={"total_max_attempts": attempts})
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return pytest.importorskip("boto3").client("sqs", endpoint_url=url, config=config, **keys)


def receive_all(sqs: Any, queue: str) -> list[str]:
    found = []
    while response := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in response]
    return sorted(found)


def test_without_faults_requests_pass_the_proxy_unchanged(faulty_proxy: Proxy) -> None:
    sqs = client(faulty_proxy.url)
    queue = sqs.create_queue(QueueName="fine")["QueueUrl"]
    assert queue.startswith(faulty_proxy.url), "clients would bypass the proxy"
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    assert receive_all(sqs, queue) == ["a"]
    assert faulty_proxy.done["SendMessage", Fault.PASSED] == 1


def test_a_dropped_request_does_not_reach_the_server(faulty_proxy: Proxy) -> None:
    sqs = client(faulty_proxy.url)
    queue = sqs.create_queue(QueueName="dropped")["QueueUrl"]
    faulty_proxy.fault_rates = FaultRates(drop=1.0)
    with pytest.raises(Exception, match="Connection"):
        sqs.send_message(QueueUrl=queue, MessageBody="a")
    faulty_proxy.fault_rates = FaultRates()
    assert receive_all(sqs, queue) == []


def test_a_request_with_a_truncated_response_is_executed(faulty_proxy: Proxy) -> None:
    sqs = client(faulty_proxy.url)
    queue = sqs.create_queue(QueueName="cut")["QueueUrl"]
    faulty_proxy.fault_rates = FaultRates(cut=1.0)
    assert "MessageId" not in sqs.send_message(QueueUrl=queue, MessageBody="a"), (
        "botocore accepts half of the response"
    )
    faulty_proxy.fault_rates = FaultRates()
    assert receive_all(sqs, queue) == ["a"]


def test_a_refused_request_has_no_effect_and_can_be_retried(faulty_proxy: Proxy) -> None:
    sqs = client(faulty_proxy.url)
    queue = sqs.create_queue(QueueName="refused")["QueueUrl"]
    faulty_proxy.fault_rates = FaultRates(refuse=1.0)
    with pytest.raises(Exception, match="503"):
        sqs.send_message(QueueUrl=queue, MessageBody="a")
    faulty_proxy.fault_rates = FaultRates()
    assert receive_all(sqs, queue) == []


def test_a_truncated_object_has_half_of_its_bytes(faulty_proxy: Proxy, ministack: Ministack) -> None:
    path, body = f"/{ministack.bucket()}/a", bytes(range(256)) * 8
    host = faulty_proxy.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(host, timeout=10)) as plain:
        plain.request("PUT", path, body)
        assert plain.getresponse().read() == b""
        plain.request("HEAD", path)
        head = plain.getresponse()
        assert (head.read(), head.headers["Content-Length"]) == (b"", str(len(body)))
        plain.request("GET", path)
        assert plain.getresponse().read() == body
        faulty_proxy.fault_rates = FaultRates(cut=1.0)
        plain.request("GET", path)
        with pytest.raises(http.client.IncompleteRead) as cut:
            plain.getresponse().read()
        assert cut.value.partial == body[: len(body) // 2]


def test_only_write_requests_are_duplicated(faulty_proxy: Proxy) -> None:
    faulty_proxy.fault_rates = FaultRates(double=1.0)
    sqs = client(faulty_proxy.url)
    queue = sqs.create_queue(QueueName="doubled")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    assert receive_all(sqs, queue) == ["a", "a"]
    assert faulty_proxy.count(Fault.DOUBLE) == 1


def test_a_delayed_request_succeeds(faulty_proxy: Proxy) -> None:
    sqs = client(faulty_proxy.url)
    queue = sqs.create_queue(QueueName="late")["QueueUrl"]
    faulty_proxy.fault_rates = FaultRates(delay=1.0, longest_s=0.05)
    begin = time.monotonic()
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    assert time.monotonic() - begin < 20.0
    assert faulty_proxy.done["SendMessage", Fault.DELAY] == 1


@pytest.mark.parametrize("persistent", [True, False])
def test_a_cleanly_stopped_server_keeps_its_state(*, persistent: bool) -> None:
    try:
        server = running(persistent=persistent)
        with server as own, proxy(f"127.0.0.1:{own.port}", random.Random(3)) as faulty_proxy:
            sqs = client(faulty_proxy.url, attempts=3)
            queue = sqs.create_queue(QueueName="lasting")["QueueUrl"]
            sqs.send_message(QueueUrl=queue, MessageBody="a")
            own.end()
            with pytest.raises(Exception, match="Connection"):
                sqs.receive_message(QueueUrl=queue)
            own.start()
            if persistent:
                assert receive_all(sqs, queue) == ["a"]
            else:
                with pytest.raises(Exception, match="NonExistentQueue"):
                    sqs.receive_message(QueueUrl=queue)
    except NoServerError as error:
        pytest.skip(str(error))


def test_a_crashed_server_loses_its_state() -> None:
    try:
        with running(persistent=True) as own:
            sqs = client(own.url)
            sqs.create_queue(QueueName="forgotten")
            own.end()
            own.start()
            assert sqs.list_queues()["QueueUrls"]
            own.stop()
            own.start()
            assert not sqs.list_queues()["QueueUrls"]
    except NoServerError as error:
        pytest.skip(str(error))


def test_faults_occur_with_the_configured_probability() -> None:
    fault_rates = FaultRates(drop=0.1, delay=0.2, double=0.1, cut=0.05, refuse=0.1)
    rng = random.Random(1)
    faults = [fault_rates.fault_for("SendMessageBatch", rng.random()) for _ in range(10_000)]
    shares = {fault: faults.count(fault) / len(faults) for fault in Fault}
    expected = {
        Fault.DROP: 0.1,
        Fault.DELAY: 0.2,
        Fault.DOUBLE: 0.1,
        Fault.CUT: 0.05,
        Fault.REFUSE: 0.1,
        Fault.PASSED: 0.45,
    }
    assert shares == pytest.approx(expected, abs=0.02)
