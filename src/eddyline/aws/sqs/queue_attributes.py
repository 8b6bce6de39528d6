"""Attributes of queues as SQS and Terraform write them: equal values may have different text."""

from __future__ import annotations

import json

_REDRIVE = "RedrivePolicy"


def redrive_policy(dead_letters_arn: str, max_receive_count: int) -> str:
    """The redrive policy of a queue: where messages go after `max_receive_count` receipts."""
    value = {"deadLetterTargetArn": dead_letters_arn, "maxReceiveCount": max_receive_count}
    return json.dumps(value, separators=(",", ":"))  # as Terraform writes it


def are_equal(name: str, found: str, wanted: str) -> bool:
    """Whether two values of the attribute `name` are equal.

    SQS returns a redrive policy as it was written: spaces, order, and the type of the count may differ.
    A comparison of the text would make each process that starts overwrite what Terraform wrote.
    """
    if found == wanted or name != _REDRIVE:
        return found == wanted
    try:
        return _normalize(found) == _normalize(wanted)
    except (ValueError, TypeError):
        return False


def _normalize(policy: str) -> dict[str, str]:
    value = json.loads(policy)
    if not isinstance(value, dict):
        raise TypeError("a redrive policy is a JSON object")
    return {str(key): str(each) for key, each in value.items()}
