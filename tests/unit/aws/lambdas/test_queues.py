"""Messages are sent in batches within SQS' limits; what SQS refuses for now is sent again."""

from __future__ import annotations

import random

from tests.unit.aws.lambdas.lambda_fleet import RecordedQueues

from eddyline.aws.lambdas.calls import Calls
from eddyline.aws.lambdas.queues import Outgoing, send_all
from eddyline.core.clock import ManualClock

URL = "https://sqs.test/queue"


def _calls(clock: ManualClock) -> Calls:
    return Calls(deadline=clock.now() + 20.0, clock=clock.now, wait=clock.advance, rng=random.Random(1))


def test_messages_are_sent_ten_at_a_time_and_within_the_size_of_a_batch() -> None:
    queues = RecordedQueues()
    bodies = [f"{number}" for number in range(25)] + ["x" * 200_000] * 3
    assert all(send_all(queues, _calls(ManualClock(0)), URL, [Outgoing(body=each) for each in bodies]))
    assert [body for _, body, _ in queues.sent] == bodies


def test_refused_messages_are_sent_again_and_only_these() -> None:
    queues, refusals = RecordedQueues(), [3]

    def refuse(entry: dict[str, str]) -> bool:
        if entry["MessageBody"] == "b" and refusals[0]:
            refusals[0] -= 1
            return True
        return False

    queues.refuse = refuse
    clock = ManualClock(0)
    messages = [Outgoing(body=each) for each in "abc"]
    assert send_all(queues, _calls(clock), URL, messages) == [True] * 3
    assert sorted(body for _, body, _ in queues.sent) == ["a", "b", "c"]
    assert 0 < clock.now() < 20.0


def test_a_message_that_is_always_refused_is_reported() -> None:
    queues = RecordedQueues(refuse=lambda entry: entry["MessageBody"] == "b")
    messages = [Outgoing(body=each) for each in "abc"]
    assert send_all(queues, _calls(ManualClock(0)), URL, messages) == [True, False, True]


def test_delays_are_whole_seconds_within_the_limit_of_sqs() -> None:
    queues = RecordedQueues()
    messages = [Outgoing(body="", delay_s=delay_s) for delay_s in (0.0, 0.2, 15.4, 5000.0)]
    send_all(queues, _calls(ManualClock(0)), URL, messages)
    assert [delay for _, _, delay in queues.sent] == [0, 1, 15, 900]
