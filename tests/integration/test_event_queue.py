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
    FootageBucket,
    client,
    told_by_eventbridge,
    told_by_raw_topic,
    told_by_s3,
    told_by_topic,
)
from tests.servers.ministack import Ministack, ministack
from tests.servers.network import Answer, proxy

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

__all__ = ["ministack"]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def _received(arrivals: S3EventSource, *, within_s: float = 10.0) -> Message:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        for message in arrivals.receive(0.5):
            return message
    raise AssertionError("nothing came")


def _buckets(ministack: Ministack) -> Buckets:
    buckets = Buckets()
    buckets.configure(ministack.settings)
    return buckets


def _impatient(bucket: FootageBucket) -> EventQueue:
    """The same queue, which parks a message after one receive without a result."""
    sqs = client("sqs", bucket.endpoint)
    url = sqs.get_queue_url(QueueName=bucket.place.name)["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    soon = json.dumps({**json.loads(policy["RedrivePolicy"]), "maxReceiveCount": "1"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": soon})
    return ensure_event_queue(event_queue_client(sqs), bucket.place.name)


def _nothing(arrivals: S3EventSource, seconds: float) -> bool:
    until = time.monotonic() + seconds
    return not any(arrivals.receive(0.2) for _ in iter(lambda: time.monotonic() < until, False))


@pytest.mark.parametrize("made", [told_by_eventbridge, told_by_s3, told_by_topic, told_by_raw_topic])
def test_an_upload_event_has_the_etag_and_metadata_of_the_object(
    ministack: Ministack, made: Callable[[str], FootageBucket]
) -> None:
    bucket = made(ministack.url)
    tag = bucket.put("day-1/a.mp4", b"xyz", ContentType="video/mp4", Metadata={"Camera": "HERO12"})
    with closing(bucket.arrivals()) as arrivals:
        verdicts: list[Verdict] = []
        until = time.monotonic() + 10
        while not any(isinstance(each, Submit) for each in verdicts) and time.monotonic() < until:
            for message in arrivals.receive(0.5):  # S3's own test notification may come with it
                verdicts += parse_s3_event(message.body)
                arrivals.acknowledge(message)
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
        assert _nothing(arrivals, 1.5)


def test_a_deleted_object_is_not_found(ministack: Ministack) -> None:
    bucket = told_by_eventbridge(ministack.url)
    buckets = _buckets(ministack)
    assert lookup_object(bucket.bucket, "gone.mp4", buckets=buckets) is None


@pytest.mark.parametrize("key", ["a//b.mp4", "/a.mp4", "a/../b.mp4", "./a.mp4"])
def test_an_ambiguous_key_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="key"):
        lookup_object("cards", key)


@pytest.mark.parametrize("key", ["a#b%41 [1] ~ ü?+.mp4", "x/GX01 0042.MP4"])
def test_keys_with_any_characters_are_found(ministack: Ministack, key: str) -> None:
    bucket = told_by_eventbridge(ministack.url)
    bucket.put(key, b"xyz")
    found = lookup_object(bucket.bucket, key, buckets=_buckets(ministack))
    assert found is not None
    assert found.size == 3


def test_messages_in_flight_stay_hidden_and_return_when_their_process_dies(ministack: Ministack) -> None:
    bucket = told_by_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    first = bucket.arrivals(visibility_s=2)
    message = _received(first)
    with closing(bucket.arrivals(visibility_s=30)) as second:
        assert _nothing(second, 4), "another got what is in hand"
        first._closed.set()  # dead: nothing keeps it hidden any more, nothing is handed back
        again = _received(second)
        assert again.body == message.body
        assert again.receive_count == message.receive_count + 1


def test_messages_handed_back_at_close_are_visible_at_once(ministack: Ministack) -> None:
    bucket = told_by_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    first = bucket.arrivals()
    _received(first)
    first.close()
    with closing(bucket.arrivals()) as second:
        _received(second, within_s=3)


def test_a_clean_end_does_not_use_up_the_receive_count(
    ministack: Ministack,
) -> None:
    bucket = told_by_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    place = _impatient(bucket)
    for _ in range(3):
        first = replace(bucket, place=place).arrivals()
        _received(first)
        first.close()
    assert bucket.parked() == []
    with closing(bucket.arrivals()) as last:
        assert _received(last).receive_count == 1


def test_only_failures_use_up_the_receive_count(ministack: Ministack) -> None:
    bucket = told_by_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    with closing(bucket.arrivals(attempts=4)) as arrivals:
        message = _received(arrivals)
        body = message.body
        for _ in range(6):
            assert message.receive_count <= 2
            arrivals.postpone(message, 0, counts_as_attempt=False)
            message = _received(arrivals)
            assert message.body == body
        begin = message.receive_count
        for expected in range(begin + 1, begin + 5):
            arrivals.postpone(message, 0, counts_as_attempt=True)
            message = _received(arrivals)
            assert message.receive_count == expected
        began = time.monotonic()
        arrivals.postpone(message, 2, counts_as_attempt=False)
        message = _received(arrivals)
        assert time.monotonic() - began > 1
        arrivals.acknowledge(message)
        assert _nothing(arrivals, 1.5)


def test_a_parked_message_is_only_in_the_dead_letter_queue_with_its_reason(ministack: Ministack) -> None:
    bucket = told_by_eventbridge(ministack.url)
    client("sqs", ministack.url).send_message(
        QueueUrl=client("sqs", ministack.url).get_queue_url(QueueName=bucket.place.name)["QueueUrl"],
        MessageBody="garbage",
    )
    with closing(bucket.arrivals()) as arrivals:
        arrivals.park(_received(arrivals), "not\nunderstood")
        assert _nothing(arrivals, 1.5)
    assert bucket.parked() == [("garbage", "not understood")]


def _as_long_as_sqs_takes(action: str, body: bytes) -> Answer | None:
    """SQS counts a message's attributes as well; MiniStack counts its body alone."""
    if action != "SendMessage":
        return None
    asked = json.loads(body)
    attribute_sizes = (
        len(name) + len(each["DataType"]) + len(each["StringValue"])
        for name, each in asked.get("MessageAttributes", {}).items()
    )
    if len(asked["MessageBody"]) + sum(attribute_sizes) <= 262_144:
        return None
    error = {"__type": "com.amazonaws.sqs#InvalidParameterValue", "message": "must be shorter"}
    headers = [("Content-Type", "application/x-amz-json-1.0")]
    return Answer(status=400, headers=headers, body=json.dumps(error).encode())


@pytest.mark.parametrize("length", [262_144, 262_144 - 20])
def test_a_message_too_long_for_its_reason_is_parked_without_it(ministack: Ministack, length: int) -> None:
    bucket = told_by_eventbridge(ministack.url)
    sqs = client("sqs", ministack.url)
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=bucket.place.name)["QueueUrl"], MessageBody="x" * length
    )
    with proxy(f"127.0.0.1:{ministack.port}", random.Random(1)) as between:
        between.reject = _as_long_as_sqs_takes
        with closing(replace(bucket, endpoint=between.url).arrivals()) as arrivals:
            arrivals.park(_received(arrivals), "not understood")
            assert _nothing(arrivals, 1.5)
    assert bucket.queues().depth(bucket.place.name) == 0
    assert bucket.parked() == [("x" * length, "")]


def test_a_message_sent_again_keeps_its_age(ministack: Ministack) -> None:
    bucket = told_by_eventbridge(ministack.url)
    bucket.put("a.mp4", b"xyz")
    with closing(bucket.arrivals(attempts=1)) as arrivals:  # sent again each time
        first = _received(arrivals)
        assert abs(first.since - time.time()) < 60
        time.sleep(0.1)
        arrivals.postpone(first, 0, counts_as_attempt=False)
        again = _received(arrivals)
        assert again.id != first.id
        assert again.since == pytest.approx(first.since, abs=0.002)


def test_a_failing_message_is_parked_before_a_low_limit_of_the_queue(ministack: Ministack) -> None:
    bucket = told_by_eventbridge(ministack.url)
    place = _impatient(bucket)
    bucket.put("a.mp4", b"xyz")
    stop, notes = Stop(), list[IngestOutcome]()

    def on_outcome(note: IngestOutcome) -> None:
        notes.append(note)
        if note.what == "parked":
            stop.request("enough")

    def broken(_bucket: str, _key: str) -> None:
        raise TransientError("a strange answer")

    with closing(replace(bucket, place=place).arrivals()) as arrivals:
        IngestLoop(
            source=arrivals,
            parse=parse_s3_event,
            processor=ObjectProcessor(
                rules=load_rules(),
                store=addresses.parse("s3://results"),
                lookup=broken,
                submit=lambda *_: pytest.fail("nothing to submit"),
                are_one_recording=lambda _: False,
            ),
            check_access=lambda: None,
            stop=stop,
            on_outcome=on_outcome,
        ).run()
    assert [(note.what, note.cause) for note in notes] == [("parked", Cause.FAILING)]
    assert [reason for _, reason in bucket.parked()] == ["failed 1 time; last error: a strange answer"]


def test_an_existing_queue_keeps_its_settings_and_dead_letter_queue(ministack: Ministack) -> None:
    sqs, name = client("sqs", ministack.url), f"own-{os.getpid()}"
    sqs.create_queue(QueueName=f"{name}-attic")
    policy = json.dumps(
        {
            "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:000000000000:{name}-attic",
            "maxReceiveCount": "3",
        }
    )
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "77", "RedrivePolicy": policy})[
        "QueueUrl"
    ]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    place = ensure_event_queue(event_queue_client(sqs), name)
    assert (place.dead_letters, place.max_receive_count) == (f"{name}-attic", 3)
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] == before
    ensure_event_queue(event_queue_client(sqs), name, buckets=["cards"])
    after = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "cards" in after["Policy"]
    assert after["RedrivePolicy"] == before["RedrivePolicy"]


def test_a_queue_without_a_dead_letter_queue_gets_one(ministack: Ministack) -> None:
    sqs, name = client("sqs", ministack.url), f"bare-{os.getpid()}"
    sqs.create_queue(QueueName=name)
    place = ensure_event_queue(event_queue_client(sqs), name)
    assert place.dead_letters == f"{name}-dead"
    assert ensure_event_queue(event_queue_client(sqs), name) == place
