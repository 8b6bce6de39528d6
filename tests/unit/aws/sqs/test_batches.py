"""Batches stay within the limits of SQS and keep every entry, in order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from eddyline.aws.sqs.batches import MAX_ENTRIES, receipt_batches, send_batches
from eddyline.aws.sqs.message import Message
from eddyline.aws.sqs.message_body import MAX_BYTES

SIZES = st.lists(st.integers(min_value=0, max_value=MAX_BYTES), max_size=40)


@given(sizes=SIZES)
def test_send_batches_stay_within_number_and_size(sizes: list[int]) -> None:
    entries: list[dict[str, Any]] = [
        {"Id": str(number), "MessageBody": "x" * size} for number, size in enumerate(sizes)
    ]
    batches = list(send_batches(entries))
    assert [entry for batch in batches for entry in batch] == entries
    assert all(0 < len(batch) <= MAX_ENTRIES for batch in batches)
    assert all(sum(len(entry["MessageBody"]) for entry in batch) <= MAX_BYTES for batch in batches)


def test_sizes_are_counted_in_bytes() -> None:
    body = "\u20ac" * (MAX_BYTES // 3)
    assert len(list(send_batches([{"MessageBody": body}, {"MessageBody": "xxx"}]))) == 2


@given(queues=st.lists(st.sampled_from("abc"), max_size=60))
def test_receipt_batches_are_of_one_queue_each(queues: list[str]) -> None:
    messages = [
        cast("Message", SimpleNamespace(queue=queue, number=number)) for number, queue in enumerate(queues)
    ]
    batches = list(receipt_batches(messages))
    assert sum(len(batch) for _, batch in batches) == len(messages)
    for name, batch in batches:
        assert 0 < len(batch) <= MAX_ENTRIES
        assert {message.queue for message in batch} == {name}
