"""Queue attributes are compared by value, so that processes do not overwrite what Terraform wrote."""

from __future__ import annotations

import pytest

from eddyline.aws.sqs.queue_attributes import are_equal, redrive_policy

ARN = "arn:aws:sqs:eu-west-1:123456789012:eddyline-dead"


@pytest.mark.parametrize(
    "found",
    [
        f'{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":10}}',
        f'{{"maxReceiveCount":"10","deadLetterTargetArn":"{ARN}"}}',
    ],
)
def test_a_redrive_policy_with_other_text_is_equal(found: str) -> None:
    assert are_equal("RedrivePolicy", found, redrive_policy(ARN, 10))


@pytest.mark.parametrize(
    "found",
    [
        "",
        "no JSON",
        "[]",
        "null",
        f'{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":11}}',
        f'{{"deadLetterTargetArn":"{ARN}2","maxReceiveCount":10}}',
        f'{{"deadLetterTargetArn":"{ARN}"}}',
    ],
)
def test_another_redrive_policy_is_not_equal(found: str) -> None:
    assert not are_equal("RedrivePolicy", found, redrive_policy(ARN, 10))


def test_other_attributes_are_compared_as_text() -> None:
    assert are_equal("VisibilityTimeout", "30", "30")
    assert not are_equal("VisibilityTimeout", "30", "030")
