"""Instance metadata is polled every few seconds, within limits, and only on EC2."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from tests.servers.imds import FakeMachine, machine
from tests.waiting import wait_until

from eddyline.aws.ec2_metadata import InstanceMetadata, MetadataWatch
from eddyline.aws.link_local_http import LocalServiceError
from eddyline.core import background_loop
from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.core.log_fields import record_fields
from eddyline.core.stop import Stop
from eddyline.fleet.notices import Notice, NoticeKind

SPOT = '{"action": "terminate", "time": "2026-03-01T12:02:00Z"}'
NOTICED = '{"noticeTime": "2026-03-01T12:00:00Z"}'


@pytest.fixture
def fake() -> Iterator[FakeMachine]:
    with machine() as running:
        yield running


class WatchedMetadata:
    """A watch on a fake instance, and the notices that it received."""

    def __init__(self, metadata: InstanceMetadata, **options: float) -> None:
        self.notices: list[Notice] = []
        self.errors: list[str] = []
        self.stop = Stop()
        self.watch = MetadataWatch(
            metadata,
            self.notices.append,
            stop=self.stop,
            on_error=self.errors.append,
            clock=ManualClock(1_772_366_400.0),
            **options,
        )


def test_no_notice_is_reported_before_the_service_has_one(fake: FakeMachine) -> None:
    watched = WatchedMetadata(InstanceMetadata(fake.url))
    watched.watch.poll()
    assert (watched.notices, watched.errors) == ([], [])
    fake.responses["spot/instance-action"] = SPOT
    watched.watch.poll()
    assert [notice.kind for notice in watched.notices] == [NoticeKind.INTERRUPTION]
    assert watched.notices[0].deadline == 1_772_366_520.0


def test_each_notice_is_reported_once_for_repeated_responses(fake: FakeMachine) -> None:
    fake.responses |= {
        "spot/instance-action": SPOT,
        "events/recommendations/rebalance": NOTICED,
        "autoscaling/target-lifecycle-state": "Terminated",
    }
    watched = WatchedMetadata(InstanceMetadata(fake.url))
    for _ in range(5):
        watched.watch.poll()
    assert sorted(notice.kind for notice in watched.notices) == ["interruption", "rebalance", "scale-in"]
    fake.responses["events/recommendations/rebalance"] = NOTICED.replace("12:00", "12:10")
    watched.watch.poll()
    assert len(watched.notices) == 4


def test_one_token_is_used_for_many_requests(fake: FakeMachine) -> None:
    watched = WatchedMetadata(InstanceMetadata(fake.url))
    for _ in range(3):
        watched.watch.poll()
    assert fake.requests.count("PUT /latest/api/token") == 1
    assert len(fake.requests) == 1 + 3 * 3


def test_an_invalid_token_is_renewed(fake: FakeMachine) -> None:
    metadata = InstanceMetadata(fake.url)
    fake.responses["instance-id"] = "i-0123456789abcdef0"
    assert metadata.instance_id() == "i-0123456789abcdef0"
    fake.forget_tokens()
    assert metadata.instance_id() == "i-0123456789abcdef0"


def test_an_invalid_instance_id_is_ignored(fake: FakeMachine) -> None:
    fake.responses["instance-id"] = "<html>"
    assert InstanceMetadata(fake.url).instance_id() == ""
    fake.status = 500
    assert InstanceMetadata(fake.url).instance_id() == ""


def test_an_error_is_reported_once_and_the_watch_continues(fake: FakeMachine) -> None:
    fake.responses |= {"spot/instance-action": "<html>", "autoscaling/target-lifecycle-state": "Terminated"}
    watched = WatchedMetadata(InstanceMetadata(fake.url))
    watched.watch.poll()
    watched.watch.poll()
    assert len(watched.errors) == 1
    assert [notice.kind for notice in watched.notices] == [NoticeKind.SCALE_IN]
    fake.responses["spot/instance-action"] = SPOT
    watched.watch.poll()
    assert watched.notices[-1].kind is NoticeKind.INTERRUPTION


def test_the_watch_continues_after_errors_of_the_service(fake: FakeMachine) -> None:
    watched = WatchedMetadata(InstanceMetadata(fake.url), every_s=0.02)
    fake.status = 503
    thread = watched.watch.start()
    wait_until(lambda: len(watched.errors) == 3)  # one for each path
    fake.responses["spot/instance-action"] = SPOT
    fake.status = 200
    wait_until(lambda: watched.notices)
    watched.stop.request("enough")
    thread.join(5)
    assert not thread.is_alive()


def test_the_watch_polls_periodically(fake: FakeMachine) -> None:
    watched = WatchedMetadata(InstanceMetadata(fake.url), every_s=0.02)
    thread = watched.watch.start()
    wait_until(lambda: fake.requests.count("GET /latest/meta-data/spot/instance-action") >= 4)
    watched.stop.request("enough")
    thread.join(5)
    assert not thread.is_alive()
    assert watched.errors == []


def test_the_watch_polls_at_once_when_asked(fake: FakeMachine) -> None:
    watched = WatchedMetadata(InstanceMetadata(fake.url), every_s=3600.0)
    thread = watched.watch.start()
    wait_until(lambda: len(fake.requests) >= 4)
    fake.responses["autoscaling/target-lifecycle-state"] = "Terminated"
    watched.watch.poll_soon()
    wait_until(lambda: watched.notices)
    assert watched.notices[0].kind is NoticeKind.SCALE_IN
    watched.stop.request("enough")
    thread.join(5)
    assert not thread.is_alive()


def test_outside_ec2_the_watch_ends() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"  # bound, but not listening
        watched = WatchedMetadata(InstanceMetadata(address))
        watched.watch.run()
    assert len(watched.errors) == 1
    assert "not an EC2 instance" in watched.errors[0]


def test_the_metadata_service_of_another_cloud_is_not_used(fake: FakeMachine) -> None:
    fake.tokens = False
    watched = WatchedMetadata(InstanceMetadata(fake.url))
    watched.watch.run()
    assert "not an EC2 instance" in watched.errors[0]
    assert not any(request.startswith("GET") for request in fake.requests)


def test_a_service_that_never_answers_times_out_within_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        metadata = InstanceMetadata(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.1)
        assert not metadata.is_available()
        assert time.monotonic() - began < 15


def test_an_endless_response_is_rejected() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_flood, args=(server,), daemon=True)
        thread.start()
        with pytest.raises(LocalServiceError, match="more than 65536 bytes"):
            InstanceMetadata(f"http://127.0.0.1:{server.getsockname()[1]}").get("x")
        thread.join(5)


def _flood(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        try:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            return


def test_proxies_are_not_used(fake: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert InstanceMetadata(fake.url).is_available()


def test_the_variables_of_the_aws_sdks_are_respected(fake: FakeMachine) -> None:
    assert InstanceMetadata.from_environment({"AWS_EC2_METADATA_DISABLED": "true"}) is None
    named = InstanceMetadata.from_environment({"AWS_EC2_METADATA_SERVICE_ENDPOINT": fake.url + "/"})
    assert named is not None
    assert named.is_available()
    assert InstanceMetadata.from_environment({}) is not None


@pytest.mark.parametrize(
    "address", ["https://169.254.169.254", "file:///etc/passwd", "http://", "http://a:b"]
)
def test_an_invalid_address_is_rejected(address: str) -> None:
    with pytest.raises(UsageError, match="is not a valid http:// URL"):
        InstanceMetadata(address)


@pytest.mark.parametrize("response", ['{"action": []}', '{"action": {}}', '{"action": [[]], "time": 1e400}'])
def test_a_hostile_response_does_not_end_the_watch(fake: FakeMachine, response: str) -> None:
    watched = WatchedMetadata(InstanceMetadata(fake.url), every_s=0.02)
    fake.responses["spot/instance-action"] = response
    thread = watched.watch.start()
    wait_until(lambda: watched.errors)
    assert "action is" in watched.errors[0]
    fake.responses["spot/instance-action"] = SPOT
    wait_until(lambda: watched.notices)
    watched.stop.request("enough")
    thread.join(5)
    assert watched.notices[0].kind is NoticeKind.INTERRUPTION


def test_a_watch_survives_any_error_and_logs_and_counts_it(
    fake: FakeMachine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_path: str, _response: str | None, _now: float) -> None:
        raise KeyError("a bug of the parser")

    monkeypatch.setattr("eddyline.aws.ec2_metadata.parse_metadata", fail)
    before = background_loop.failure_counts().get("metadata", 0)
    watched = WatchedMetadata(InstanceMetadata(fake.url), every_s=0.02)
    thread = watched.watch.start()
    wait_until(lambda: background_loop.failure_counts().get("metadata", 0) >= before + 6)
    monkeypatch.undo()
    fake.responses["spot/instance-action"] = SPOT
    wait_until(lambda: watched.notices)
    watched.stop.request("enough")
    thread.join(5)
    assert "a bug of the parser" in caplog.text
    assert any(record_fields(record) == {"loop": "metadata"} for record in caplog.records)


def test_a_notice_whose_callback_failed_is_passed_on_again(fake: FakeMachine) -> None:
    received: list[Notice] = []

    def receive(notice: Notice) -> None:
        received.append(notice)
        if len(received) == 1:
            raise RuntimeError("not now")

    watch = MetadataWatch(InstanceMetadata(fake.url), receive, stop=Stop(), on_error=lambda _message: None)
    fake.responses["spot/instance-action"] = SPOT
    for _ in range(3):
        watch.poll()
    assert len(received) == 2
