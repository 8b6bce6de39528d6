"""Errors of AWS's client, told apart once: what may pass, and what somebody has to see to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as vendor

from eddyline.core.errors import TransientError, UsageError


class QueueError(TransientError):
    """A queue could not be reached or did not do as asked."""

    default_remedy = "it is tried again; see that the queue's endpoint can be reached"


class NoQueueError(QueueError):
    """A queue that should be there is not."""

    default_remedy = "start a coordinator: it makes the queues"


class RefusedError(QueueError):
    """SQS does not take what it was given: too long, most likely."""


class AccessError(UsageError):
    """The credentials, the region or the permissions are wrong."""

    default_remedy = "see to AWS credentials and region, and to this role's permissions for the queues"


_NO_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchQueue"})
_REFUSED = frozenset({"InvalidParameterValue", "MessageTooLong", "InvalidMessageContents"})
_ACCESS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "AuthorizationError",
        "AuthFailure",
        "OptInRequired",
    }
)
_CONFIGURATION = (
    vendor.NoCredentialsError,
    vendor.PartialCredentialsError,
    vendor.NoRegionError,
    vendor.ProfileNotFound,
    vendor.ParamValidationError,
)


@contextmanager
def translate_errors(doing: str) -> Iterator[None]:
    """Turn the client's errors into ours; `doing` says what was tried."""
    try:
        yield
    except vendor.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        said = f"{doing}: {error}"
        if code in _NO_QUEUE:
            raise NoQueueError(said) from error
        if code in _REFUSED:
            raise RefusedError(said) from error
        if code in _ACCESS:
            raise AccessError(said) from error
        # Expired credentials are renewed by the chain; throttling and the service's own faults pass.
        raise QueueError(said) from error
    except _CONFIGURATION as error:
        raise AccessError(f"{doing}: {error}") from error
    except (vendor.BotoCoreError, OSError) as error:
        raise QueueError(f"{doing}: {error}") from error
