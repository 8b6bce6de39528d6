"""Parked messages are listed with their reasons, sent again or dropped."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.integration.aws_site import REGION
from tests.integration.source_bucket import SourceBucket, bucket_with_eventbridge, client
from tests.servers.ministack import Ministack
from typer.testing import CliRunner, Result

from eddyline.cli.main import build
from eddyline.core.errors import UsageError

EVENT = json.dumps(
    {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "cards"}, "object": {"key": "a//b.mp4", "size": 1}},
    }
)


@pytest.fixture
def bucket(ministack: Ministack, monkeypatch: pytest.MonkeyPatch) -> SourceBucket:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack.url)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bucket = bucket_with_eventbridge(ministack.url)
    for body, reason in ((EVENT, "the key cannot be addressed"), ("garbage", "not JSON"), ("silent", "")):
        attributes = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
        sqs = client("sqs", ministack.url)
        sqs.send_message(
            QueueUrl=sqs.get_queue_url(QueueName=bucket.event_queue.dead_letters)["QueueUrl"],
            MessageBody=body,
            MessageAttributes=attributes,
        )
    return bucket


@pytest.fixture
def parked(bucket: SourceBucket) -> Callable[..., Result]:
    def run(*options: str) -> Result:
        arguments = ["parked", "--events", bucket.event_queue.name, *options]
        return CliRunner().invoke(build(arguments), arguments, env={"COLUMNS": "200"})

    return run


def _bodies(bucket: SourceBucket, queue: str) -> list[str]:
    messages = bucket.queues().receive(queue, limit=10, wait_s=1, visibility_s=0)
    return sorted(each.body for each in messages)


def test_a_list_shows_objects_and_reasons_and_keeps_the_messages(
    bucket: SourceBucket, parked: Callable[..., Result]
) -> None:
    for _ in range(2):
        output = parked().output
        for text in (
            "s3://cards/a//b.mp4",
            "the key cannot be addressed",
            "garbage",
            "not JSON",
            "3 messages",
        ):
            assert text in output
    assert {each["body"] for each in json.loads(parked("--json").output)} == {EVENT, "garbage", "silent"}
    assert "no reason was recorded" in output
    assert _bodies(bucket, bucket.event_queue.dead_letters) == sorted([EVENT, "garbage", "silent"])


def test_named_messages_are_redriven_and_the_others_stay(
    bucket: SourceBucket, parked: Callable[..., Result]
) -> None:
    (wanted,) = (each for each in json.loads(parked("--json").output) if each["body"] == EVENT)
    assert "1 message redriven" in parked("--redrive", wanted["id"][:8]).output
    assert _bodies(bucket, bucket.event_queue.name) == [EVENT]
    assert _bodies(bucket, bucket.event_queue.dead_letters) == ["garbage", "silent"]


def test_all_messages_are_redriven_or_dropped_on_request(
    bucket: SourceBucket, parked: Callable[..., Result]
) -> None:
    assert "3 messages dropped" in parked("--drop", "--all").output
    assert _bodies(bucket, bucket.event_queue.dead_letters) == []
    assert _bodies(bucket, bucket.event_queue.name) == []
    assert "0 messages redriven" in parked("--redrive", "--all").output


def test_an_unknown_id_moves_nothing(bucket: SourceBucket, parked: Callable[..., Result]) -> None:
    (known, *_) = json.loads(parked("--json").output)
    failed = parked("--drop", known["id"], "nope").exception
    assert isinstance(failed, UsageError)
    assert len(_bodies(bucket, bucket.event_queue.dead_letters)) == 3


def test_ambiguous_options_are_rejected(parked: Callable[..., Result]) -> None:
    for options in ("--redrive", "--drop", "x", "--redrive --drop x", "--drop --all x"):
        assert isinstance(parked(*options.split()).exception, UsageError)
    assert "3 messages parked" in parked().output


def test_a_missing_queue_is_not_created(ministack: Ministack, bucket: SourceBucket) -> None:
    assert bucket
    failed = CliRunner().invoke(build(["parked"]), ["parked", "--events", "no-such-queue"]).exception
    assert isinstance(failed, UsageError)
    assert not client("sqs", ministack.url).list_queues(QueueNamePrefix="no-such-queue").get("QueueUrls")
