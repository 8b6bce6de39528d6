"""The input of a function: an event, or a batch of messages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from tests.fuzz.mutation import DEEP, hostile, mutated
from tests.unit.aws.lambdas.lambda_fleet import batch

from eddyline.aws.lambdas.records import Record, batch_response, records_of

EVENT = {"source": "aws.ec2", "detail": {"instance-id": "i-0123456789abcdef0"}}


def test_an_event_is_one_record_and_a_batch_has_one_for_each_message() -> None:
    (record,) = records_of(EVENT)
    assert (json.loads(record.body), record.message_id) == (EVENT, "")
    assert [each.message_id for each in records_of(batch(EVENT, "{"))] == ["message-0", "message-1"]


def test_the_response_names_the_messages_that_failed_once() -> None:
    failed = [Record(body="", message_id=each) for each in ("a", "b", "a", "")]
    assert batch_response(failed) == {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}


@pytest.mark.parametrize("event", [object(), json.loads(DEEP), {1: object()}, float("nan"), b"x"])
def test_values_that_are_not_json_are_records_too(event: Any) -> None:
    assert all(isinstance(record.body, str) for record in records_of(event))


@given(hostile() | mutated([batch(EVENT), EVENT]))
def test_any_input_has_records(event: Any) -> None:
    records = records_of(event)
    assert all(isinstance(record.body, str) and isinstance(record.message_id, str) for record in records)
