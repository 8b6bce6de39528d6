"""Errors of the AWS client, classified once: transient, or to be fixed by an operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as vendor

from eddyline.core.errors import TransientError, UsageError


class ServiceError(TransientError):
    """A call could not be made, or the service did not answer it."""

    default_remedy = "try again later; check the network, the region and the service's endpoint"


class QueueError(ServiceError):
    """A queue could not be reached, or a call on it failed."""

    default_remedy = "the call is retried; check that the queue's endpoint is reachable"


class QueueNotFoundError(QueueError):
    """The queue does not exist."""

    default_remedy = "start a coordinator: it creates the queues"


class MessageRejectedError(QueueError):
    """SQS rejects the message, most likely because it is too long."""


class AccessError(UsageError):
    """The credentials, the region or the permissions are wrong."""

    default_remedy = "check the AWS credentials, the region and this role's permissions"


_NOT_FOUND = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchQueue"})
_REJECTED = frozenset({"InvalidParameterValue", "MessageTooLong", "InvalidMessageContents"})
_ACCESS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "UnauthorizedOperation",
        "AuthorizationError",
        "AuthFailure",
        "OptInRequired",
    }
)
_SETTINGS_REMEDY = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_REGION"
_CONFIGURATION = (
    vendor.NoCredentialsError,
    vendor.PartialCredentialsError,
    vendor.NoRegionError,
    vendor.ProfileNotFound,
    vendor.ParamValidationError,
)


@contextmanager
def translate_service_errors(action: str, *, remedy: str = "") -> Iterator[None]:
    """Raise the client's errors as `AccessError` with this remedy, or as `ServiceError`.

    `action` is what was attempted.
    """
    try:
        yield
    except vendor.ClientError as error:
        message = f"{action}: {error}"
        if _code(error) in _ACCESS:
            raise AccessError(message, remedy=remedy) from error
        raise ServiceError(message) from error
    except _CONFIGURATION as error:
        raise AccessError(f"{action}: {error}", remedy=_SETTINGS_REMEDY) from error
    except (vendor.BotoCoreError, OSError) as error:
        raise ServiceError(f"{action}: {error}") from error


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Raise the errors of an SQS client as ours; `action` is what was attempted."""
    try:
        yield
    except vendor.ClientError as error:
        code = _code(error)
        message = f"{action}: {error}"
        if code in _NOT_FOUND:
            raise QueueNotFoundError(message) from error
        if code in _REJECTED:
            raise MessageRejectedError(message) from error
        if code in _ACCESS:
            raise AccessError(message) from error
        # Transient: the chain renews expired credentials; throttling and faults of the service pass.
        raise QueueError(message) from error
    except _CONFIGURATION as error:
        raise AccessError(f"{action}: {error}", remedy=_SETTINGS_REMEDY) from error
    except (vendor.BotoCoreError, OSError) as error:
        raise QueueError(f"{action}: {error}") from error


def _code(error: vendor.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
