"""The fake of EventBridge and Lambda."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers.lambda_runtime import LambdaRuntime, Route, event_matches

EVENT = {"source": "aws.ec2", "detail-type": "A", "detail": {"name": "eddyline-cpu-spot", "state": "running"}}


class Queue:
    """As much of an SQS client as the runtime uses; messages stay until they are deleted."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}

    @staticmethod
    def get_queue_url(QueueName: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        return {"QueueUrl": f"http://queue/{QueueName}"}

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:  # noqa: ARG002, N803 - boto3's names
        self.messages[str(len(self.messages))] = MessageBody

    def receive_message(self, **_: Any) -> dict[str, Any]:
        return {
            "Messages": [
                {"MessageId": name, "ReceiptHandle": name, "Body": body}
                for name, body in self.messages.items()
            ]
        }

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: ARG002, N803 - likewise
        del self.messages[ReceiptHandle]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"source": ["aws.ec2"]}, True),
        ({"source": ["aws.ecs"]}, False),
        ({"source": ["aws.ecs", "aws.ec2"], "detail-type": ["A"]}, True),
        ({"detail": {"name": [{"prefix": "eddyline-"}]}}, True),
        ({"detail": {"name": [{"prefix": "other-"}]}}, False),
        ({"detail": {"missing": ["x"]}}, False),
        ({"missing": {"x": ["y"]}}, False),
    ],
)
def test_event_patterns_match_as_in_eventbridge(pattern: dict[str, Any], *, matches: bool) -> None:
    assert event_matches(pattern, EVENT) is matches


def test_an_unknown_pattern_is_an_error() -> None:
    with pytest.raises(ValueError, match="anything-but"):
        event_matches({"source": [{"anything-but": "x"}]}, EVENT)


def test_an_event_goes_to_the_queue_of_its_rule_and_failed_messages_stay() -> None:
    seen: list[Any] = []

    def handler(batch: Any, _context: object) -> dict[str, Any]:
        seen.append(batch)
        return {"batchItemFailures": [{"itemIdentifier": "1"}]}

    queue = Queue()
    runtime = LambdaRuntime(
        functions={"f": handler},
        routes=[Route(pattern={"source": ["aws.ec2"]}, function="f", queue="q")],
        sources={"q": "f"},
        sqs=queue,
    )
    for _ in range(3):
        runtime.on_event(dict(EVENT))
    runtime.on_event({"source": "aws.ecs"})
    assert runtime.poll("q") == 3
    assert len(seen[0]["Records"]) == 3
    assert list(queue.messages) == ["1"]


def test_a_failed_invocation_is_repeated_twice() -> None:
    calls: list[Any] = []

    def handler(event: Any, _context: object) -> None:
        calls.append(event)
        raise RuntimeError("no")

    runtime = LambdaRuntime(
        functions={"f": handler}, routes=[Route(pattern={}, function="f")], sources={}, sqs=Queue(), retry_s=0
    )
    runtime.on_event(dict(EVENT))
    assert len(calls) == 3
    assert len(runtime.errors) == 3
