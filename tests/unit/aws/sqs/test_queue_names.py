"""The names of the queues, and the queue of each job."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
)

from eddyline.aws.client_errors import AccessError, QueueError, QueueNotFoundError, translate_errors
from eddyline.aws.sqs.client import QueueNames
from eddyline.core.errors import TransientError, UsageError

NAMES = QueueNames(prefix="eddyline", pools=("cpu", "gpu"), priorities=(10, 0))


@pytest.mark.parametrize(
    ("priority", "queue"),
    [
        (-5, "eddyline-cpu-p0"),
        (0, "eddyline-cpu-p0"),
        (9, "eddyline-cpu-p0"),
        (10, "eddyline-cpu-p10"),
        (99, "eddyline-cpu-p10"),
    ],
)
def test_a_job_is_sent_to_the_queue_of_its_priority(priority: int, queue: str) -> None:
    assert NAMES.job_queue("cpu", priority) == queue


def test_every_worker_has_a_separate_command_queue_for_any_name() -> None:
    names = ["cpu@ip-10-0-0-7:1", "cpu@ip-10-0-0-7:12", "", "ä" * 300, "\ud800"]
    command_queues = [NAMES.command_queue(name) for name in names]
    assert len(set(command_queues)) == len(names)
    assert command_queues == [NAMES.command_queue(name) for name in names]
    assert all(
        queue.startswith("eddyline-to-") and queue.replace("-", "").isalnum() for queue in command_queues
    )
    assert max(map(len, command_queues)) <= 80


def test_a_pool_without_queues_has_no_job_queue() -> None:
    assert NAMES.job_queue("light", 0) is None


def test_a_worker_polls_the_urgent_queues_of_its_pools_first() -> None:
    assert NAMES.job_queues_of(("gpu", "light")) == (("eddyline-gpu-p0", 0), ("eddyline-gpu-p10", 1))


@pytest.mark.parametrize("prefix", ["x" * 80, "a.b", "a b", "!"])
def test_a_prefix_that_sqs_would_reject_is_rejected(prefix: str) -> None:
    with pytest.raises(UsageError, match="is not a valid queue name"):
        QueueNames(prefix=prefix, pools=("cpu",))


def test_an_empty_list_of_pools_is_rejected() -> None:
    with pytest.raises(UsageError, match="no pools"):
        QueueNames(prefix="e", pools=())


def _client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "SendMessage")


@pytest.mark.parametrize(
    ("raised", "translated"),
    [
        (_client_error("AWS.SimpleQueueService.NonExistentQueue"), QueueNotFoundError),
        (_client_error("AccessDenied"), AccessError),
        (_client_error("ThrottlingException"), QueueError),
        (_client_error("InternalError"), QueueError),
        (EndpointConnectionError(endpoint_url="http://x"), QueueError),
        (NoCredentialsError(), AccessError),
        (ConnectionResetError("gone"), QueueError),
    ],
)
def test_errors_of_the_client_are_classified(raised: Exception, translated: type[Exception]) -> None:
    with pytest.raises(translated, match="trying") as caught, translate_errors("trying"):
        raise raised
    assert isinstance(caught.value, TransientError) is not (translated is AccessError)
