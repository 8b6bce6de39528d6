"""The event queue on a real server: found or created; messages in flight, postponed and parked."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest
from tests.integration.source_bucket import (
    SourceBucket,
    bucket_with_eventbridge,
    bucket_with_raw_topic,
    bucket_with_s3_notifications,
    bucket_with_topic,
    client,
)
from tests.servers.ministack import Ministack
from tests.servers.network import Response, proxy

from eddyline.aws.s3_events.event_queue import EventQueue, ensure_event_queue, event_queue_client
from eddyline.aws.s3_events.parser import parse_s3_event
from eddyline.aws.s3_events.source import S3EventSource
from eddyline.core.errors import TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.ingest.arrivals import IngestLoop
from eddyline.ingest.decisions import Cause, Ignore, Submit, Verdict
from eddyline.ingest.messages import IngestOutcome, Message
from eddyline.ingest.object_lookup import lookup_object
from eddyline.ingest.process_object import ObjectProcessor
from eddyline.ingest.rules import load_rules
from eddyline.store import addresses
from eddyline.store.open_store import Buckets


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def _receive_one(source: S3EventSource, *, within_s: float = 10.0) -> Message:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        for message in source.receive(0.5):
            return message
    raise AssertionError("no message was received")


def _buckets(ministack: Ministack) -> Buckets:
    buckets = Buckets()
    buckets.configure(ministack.settings)
    return buckets


def _allow_one_receive(bucket: SourceBucket) -> EventQueue:
    """The event queue, changed to park a message after one receive without a result."""
    sqs = client("sqs", bucket.endpoint)
    url = sqs.get_queue_url(QueueName=bucket.event_queue.name)["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    changed = json.dumps({**json.loads(policy["RedrivePolicy"]), "maxReceiveCount": "1"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": changed})
    return ensure_event_queue(event_queue_client(sqs), bucket.event_queue.name)


def _receives_nothing(source: S3EventSource, seconds: float) -> bool:
    until = time.monotonic() + seconds
    return not any(source.receive(0.2) for _ in iter(lambda: time.monotonic() < until, False))


@pytest.mark.parametrize(
    "create_bucket",
    [bucket_with_eventbridge, bucket_with_s3_notifications, bucket_with_topic, bucket_with_raw_topic],
)
def test_an_upload_event_has_the_etag_and_metadata_of_the_object(
    ministack: Ministack, create_bucket: Callable[[str], SourceBucket]
) -> None:
    bucket = create_bucket(ministack.url)
    tag = bucket.put("day-1/a.mp4", b"xyz", ContentType="video/mp4", Metadata={"Camera": "HERO12"})
    with closing(bucket.event_source()) as source:
        verdicts: list[Verdict] = []
        until = time.monotonic() + 10
        while not any(isinstance(each, Submit) for each in verdicts) and time.monotonic() < until:
            for message in source.receive(0.5):  # the test notification of S3 may precede it
                verdicts += parse_s3_event(message.body)
                source.acknowledge(message)
        verdict = verdicts[-1]
        assert isinstance(verdict, Submit)
        assert all(isinstance(each, Ignore) for each in verdicts[:-1])
        assert verdict.address == f"s3://{bucket.bucket}/day-1/a.mp4"
        found = lookup_object(verdict.bucket, verdict.key, buckets=_buckets(ministack))
        assert found is not None
        assert (found.tag, found.size, found.content_type) == (verdict.etag, 3, "video/mp4")
        assert found.tag == tag
        assert abs(found.at - time.time()) < 60
        assert dict(found.metadata) == {"camera": "HERO12"}
        assert _receives_nothing(source, 1.5)


def test_a_deleted_object_is_not_found(ministack: Ministack) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    buckets = _buckets(ministack)
    assert lookup_object(bucket.bucket, "gone.mp4", buckets=buckets) is None


@pytest.mark.parametrize("key", ["a//b.mp4", "/a.mp4", "a/../b.mp4", "./a.mp4"])
def test_an_ambiguous_key_is_rejected(key: str) -> None:
    with pytest.raises(UsageError, match="key"):
        lookup_object("cards", key)


@pytest.mark.parametrize("key", ["a#b%41 [1] ~ ü?+.mp4", "x/GX01 0042.MP4"])
def test_keys_with_any_characters_are_found(ministack: Ministack, key: str) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    bucket.put(key, b"xyz")
    found = lookup_object(bucket.bucket, key, buckets=_buckets(ministack))
    assert found is not None
    assert found.size == 3


def test_messages_in_flight_stay_hidden_and_return_when_their_process_dies(ministack: Ministack) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    first = bucket.event_source(visibility_s=2)
    message = _receive_one(first)
    with closing(bucket.event_source(visibility_s=30)) as second:
        assert _receives_nothing(second, 4), "another process received a message in flight"
        first._closed.set()  # as if killed: it extends and hands back nothing
        again = _receive_one(second)
        assert again.body == message.body
        assert again.receive_count == message.receive_count + 1


def test_messages_handed_back_at_close_are_visible_at_once(ministack: Ministack) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    first = bucket.event_source()
    _receive_one(first)
    first.close()
    with closing(bucket.event_source()) as second:
        _receive_one(second, within_s=3)


def test_a_clean_end_does_not_use_up_the_receive_count(
    ministack: Ministack,
) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    queue = _allow_one_receive(bucket)
    for _ in range(3):
        first = replace(bucket, event_queue=queue).event_source()
        _receive_one(first)
        first.close()
    assert bucket.parked() == []
    with closing(bucket.event_source()) as last:
        assert _receive_one(last).receive_count == 1


def test_only_failures_use_up_the_receive_count(ministack: Ministack) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    with closing(bucket.event_source(attempts=4)) as source:
        message = _receive_one(source)
        body = message.body
        for _ in range(6):
            assert message.receive_count <= 2
            source.postpone(message, 0, counts_as_attempt=False)
            message = _receive_one(source)
            assert message.body == body
        begin = message.receive_count
        for expected in range(begin + 1, begin + 5):
            source.postpone(message, 0, counts_as_attempt=True)
            message = _receive_one(source)
            assert message.receive_count == expected
        began = time.monotonic()
        source.postpone(message, 2, counts_as_attempt=False)
        message = _receive_one(source)
        assert time.monotonic() - began > 1
        source.acknowledge(message)
        assert _receives_nothing(source, 1.5)


def test_a_parked_message_is_only_in_the_dead_letter_queue_with_its_reason(ministack: Ministack) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    client("sqs", ministack.url).send_message(
        QueueUrl=client("sqs", ministack.url).get_queue_url(QueueName=bucket.event_queue.name)["QueueUrl"],
        MessageBody="garbage",
    )
    with closing(bucket.event_source()) as source:
        source.park(_receive_one(source), "not\nunderstood")
        assert _receives_nothing(source, 1.5)
    assert bucket.parked() == [("garbage", "not understood")]


def _reject_over_the_limit_of_sqs(action: str, body: bytes) -> Response | None:
    """Rejects what SQS rejects: it counts the attributes of a message, MiniStack only the body."""
    if action != "SendMessage":
        return None
    request = json.loads(body)
    attribute_sizes = (
        len(name) + len(each["DataType"]) + len(each["StringValue"])
        for name, each in request.get("MessageAttributes", {}).items()
    )
    if len(request["MessageBody"]) + sum(attribute_sizes) <= 262_144:
        return None
    error = {"__type": "com.amazonaws.sqs#InvalidParameterValue", "message": "must be shorter"}
    headers = [("Content-Type", "application/x-amz-json-1.0")]
    return Response(status=400, headers=headers, body=json.dumps(error).encode())


@pytest.mark.parametrize("length", [262_144, 262_144 - 20])
def test_a_message_too_long_for_its_reason_is_parked_without_it(ministack: Ministack, length: int) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    sqs = client("sqs", ministack.url)
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=bucket.event_queue.name)["QueueUrl"], MessageBody="x" * length
    )
    with proxy(f"127.0.0.1:{ministack.port}", random.Random(1)) as limiting_proxy:
        limiting_proxy.reject = _reject_over_the_limit_of_sqs
        with closing(replace(bucket, endpoint=limiting_proxy.url).event_source()) as source:
            source.park(_receive_one(source), "not understood")
            assert _receives_nothing(source, 1.5)
    assert bucket.queues().depth(bucket.event_queue.name) == 0
    assert bucket.parked() == [("x" * length, "")]


def test_a_message_sent_again_keeps_its_age(ministack: Ministack) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    with closing(bucket.event_source(attempts=1)) as source:  # sent again each time
        first = _receive_one(source)
        assert abs(first.since - time.time()) < 60
        time.sleep(0.1)
        source.postpone(first, 0, counts_as_attempt=False)
        again = _receive_one(source)
        assert again.id != first.id
        assert again.since == pytest.approx(first.since, abs=0.002)


def test_a_failing_message_is_parked_before_a_low_limit_of_the_queue(ministack: Ministack) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    queue = _allow_one_receive(bucket)
    bucket.put("a.mp4", b"xyz")
    stop, outcomes = Stop(), list[IngestOutcome]()

    def on_outcome(outcome: IngestOutcome) -> None:
        outcomes.append(outcome)
        if outcome.what == "parked":
            stop.request("enough")

    def fail(_bucket: str, _key: str) -> None:
        raise TransientError("an unexpected response")

    with closing(replace(bucket, event_queue=queue).event_source()) as source:
        IngestLoop(
            source=source,
            parse=parse_s3_event,
            processor=ObjectProcessor(
                rules=load_rules(),
                store=addresses.parse("s3://results"),
                lookup=fail,
                submit=lambda *_: pytest.fail("nothing to submit"),
                are_one_recording=lambda _: False,
            ),
            check_access=lambda: None,
            stop=stop,
            on_outcome=on_outcome,
        ).run()
    assert [(each.what, each.cause) for each in outcomes] == [("parked", Cause.FAILING)]
    assert [reason for _, reason in bucket.parked()] == ["failed 1 time; last error: an unexpected response"]


def test_an_existing_queue_keeps_its_settings_and_dead_letter_queue(ministack: Ministack) -> None:
    sqs, name = client("sqs", ministack.url), f"own-{os.getpid()}"
    sqs.create_queue(QueueName=f"{name}-parked")
    policy = json.dumps(
        {
            "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:000000000000:{name}-parked",
            "maxReceiveCount": "3",
        }
    )
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "77", "RedrivePolicy": policy})[
        "QueueUrl"
    ]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    queue = ensure_event_queue(event_queue_client(sqs), name)
    assert (queue.dead_letters, queue.max_receive_count) == (f"{name}-parked", 3)
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] == before
    ensure_event_queue(event_queue_client(sqs), name, buckets=["cards"])
    after = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "cards" in after["Policy"]
    assert after["RedrivePolicy"] == before["RedrivePolicy"]


def test_a_queue_without_a_dead_letter_queue_gets_one(ministack: Ministack) -> None:
    sqs, name = client("sqs", ministack.url), f"bare-{os.getpid()}"
    sqs.create_queue(QueueName=name)
    queue = ensure_event_queue(event_queue_client(sqs), name)
    assert queue.dead_letters == f"{name}-dead"
    assert ensure_event_queue(event_queue_client(sqs), name) == queue
