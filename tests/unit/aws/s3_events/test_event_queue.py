"""The policy of the event queue: senders are the named buckets, and those that its owner allows."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from eddyline.aws.s3_events.event_queue import (
    ensure_event_queue,
    event_queue_client,
    find_event_queue,
    queue_policy,
)
from eddyline.aws.sqs.client import SqsClient
from eddyline.core.errors import UsageError

ARN = "arn:aws-cn:sqs:cn-north-1:123456789012:footage-events"


def test_only_the_named_buckets_and_rules_of_the_account_may_send() -> None:
    policy = json.loads(queue_policy(ARN, ["cards", "archive", "cards"]))
    by_s3, by_rules = policy["Statement"]
    assert {each["Action"] for each in policy["Statement"]} == {"sqs:SendMessage"}
    assert {each["Resource"] for each in policy["Statement"]} == {ARN}
    assert by_s3["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": ["arn:aws-cn:s3:::archive", "arn:aws-cn:s3:::cards"]},
    }
    assert by_rules["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws-cn:events:cn-north-1:123456789012:rule/*"}
    }


def test_statements_of_others_are_kept_and_ours_are_replaced() -> None:
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": ARN}
    before = json.dumps({"Version": "2012-10-17", "Id": "mine", "Statement": [theirs]})
    once = queue_policy(ARN, ["cards"], before)
    twice = json.loads(queue_policy(ARN, ["other"], once))
    assert twice["Id"] == "mine"
    assert twice["Statement"][0] == theirs
    assert len(twice["Statement"]) == 3
    assert "cards" not in json.dumps(twice)
    assert queue_policy(ARN, ["cards"], once) == once


@pytest.mark.parametrize("name", ["events.fifo", "bad name!", "", "x" * 76, "https://sqs/1/q"])
@pytest.mark.parametrize("call", [ensure_event_queue, find_event_queue])
def test_an_invalid_queue_name_is_rejected_before_any_call(
    name: str, call: Callable[[SqsClient, str], object]
) -> None:
    with pytest.raises(UsageError, match="is not a valid name of an event queue"):
        call(event_queue_client(None), name)
