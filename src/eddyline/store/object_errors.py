"""Classifies the errors of object stores: which requests are retried, and the remedies of other errors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)

from eddyline.core.errors import EddylineError, MissingError, TransientError, UsageError
from eddyline.store.retry import StoreUnavailableError

_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,64})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_NO_ANSWER = re.compile(
    r"Error performing [A-Z]+ (https?://[^/\s]+)\S* in (\d+(?:\.\d)?)\d*(\S?s)(?:, after (\d+) retries)?"
    r".*HTTP error: error sending"
)
_STATUS = "Server returned non-2xx status code: "
_MAX_DETAILS = 400  # characters of the message of the store

_TRY_AGAIN = "check the network and the store, then run the same command again"
_RIGHTS = (
    "the credentials need to read, write, list and delete there "
    "(s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, s3:ListBucket)"
)
_KEYS = "set valid ones in the environment (AWS_ACCESS_KEY_ID etc.), a profile or the role of the machine"
_REGION = "set AWS_REGION to the region of the bucket"


class UnusableKeyError(UsageError):
    """A foreign object has an unsupported key; the objects beside it cannot be listed."""


@dataclass(frozen=True)
class _Fault:
    kind: type[EddylineError]
    what: str  # "": the message of the store
    remedy: str


_NO_BUCKET = _Fault(UsageError, "the bucket does not exist", "create it, or correct the address")
_REFUSED = _Fault(UsageError, "access is denied", _RIGHTS)
_WRONG_REGION = _Fault(UsageError, "the bucket is in another region", _REGION)
# Credentials of a role are renewed after expiry, and a metadata service may be slow: a retry may succeed, so
# a job does not fail for good.
_NO_KEYS = _Fault(TransientError, "no credentials were found", _KEYS)

_BY_CODE = {
    "NoSuchBucket": _NO_BUCKET,
    "ContainerNotFound": _NO_BUCKET,
    "InvalidBucketName": _NO_BUCKET,
    "AccessDenied": _REFUSED,
    "InvalidObjectState": _Fault(UsageError, "the object is archived", "restore it first"),
    "RequestTimeTooSkewed": _Fault(UsageError, "the clock of this machine is wrong", "set the clock"),
    "InvalidAccessKeyId": _Fault(UsageError, "the access key is unknown", _KEYS),
    "SignatureDoesNotMatch": _Fault(UsageError, "the secret key is invalid", _KEYS),
    "KeyTooLongError": _Fault(UsageError, "the key is too long", "shorten the prefix in the address"),
    "AuthorizationHeaderMalformed": _WRONG_REGION,
    "PermanentRedirect": _WRONG_REGION,
    "NotImplemented": _Fault(
        UsageError,
        "the store does not support this operation",
        "use a store with conditional writes (If-None-Match, If-Match) and multipart uploads, as S3 does",
    ),
    "ExpiredToken": _Fault(TransientError, "the credentials have expired", "renew them"),
}
_UNUSABLE_KEY = _Fault(UnusableKeyError, "", "rename that object, or pass the other objects one by one")
# Searched in the whole error, except for a missing object, whose message begins with its key.
_BY_TEXT = {
    "http://169.254.": _NO_KEYS,
    "http://metadata.google": _NO_KEYS,
    "HTTP error: builder error": _Fault(
        UsageError,
        "the endpoint is not https",
        "use https, or set EDDYLINE_ALLOW_HTTP=1 in a trusted network",
    ),
    "Received redirect without LOCATION": _WRONG_REGION,
    "Encountered object with invalid path": _UNUSABLE_KEY,
}
_BY_TYPE: dict[type[Exception], _Fault] = {
    PreconditionError: _Fault(
        TransientError, "the object has changed meanwhile", "run the same command again"
    ),
    FileNotFoundError: _Fault(MissingError, "the object does not exist", ""),
    PermissionDeniedError: _REFUSED,
    UnauthenticatedError: _Fault(UsageError, "the credentials are invalid", _KEYS),
    UnknownConfigurationKeyError: _Fault(UsageError, "", "correct the settings of the store"),
    ValueError: _Fault(UsageError, "", "correct the address or the key"),
}
_OTHER = _Fault(TransientError, "", _TRY_AGAIN)
_UNAVAILABLE = _Fault(StoreUnavailableError, "", _TRY_AGAIN)
# No response, an incomplete one, or a temporary error (408, 429, 5xx except 501).
_TRANSIENT = re.compile(rf"HTTP error: |{_STATUS}(?:408|429|50[02-9])")


@contextlib.contextmanager
def translate_errors(what: str, *, where: str) -> Iterator[None]:
    """Translate the errors of an object store; `what` is the operation, `where` the address of the store.

    Raises `MissingError`, `TransientError` or `UsageError`; an `EddylineError` propagates unchanged.
    """
    try:
        yield
    except EddylineError:
        raise
    except (BaseError, FileNotFoundError, ValueError) as error:
        raise _classify(error, f"{what} in {where}") from error
    except OSError as error:
        raise StoreUnavailableError(f"{what} in {where}: {_short(str(error))}", remedy=_TRY_AGAIN) from error


def is_missing(error: FileNotFoundError) -> bool:
    """Whether the object is missing, not the whole bucket."""
    return _fault(error).kind is MissingError


def _classify(error: Exception, operation: str) -> EddylineError:
    fault = _fault(error)
    return fault.kind(f"{operation}: {fault.what or _short(str(error))}", remedy=fault.remedy)


def _fault(error: Exception) -> _Fault:
    text = _without_debugging(str(error))
    code = _CODE.search(text.rpartition(_STATUS)[2])
    if code is not None and code[1] in _BY_CODE:
        return _BY_CODE[code[1]]
    if isinstance(error, FileNotFoundError):
        return _BY_TYPE[FileNotFoundError]
    by_text = (fault for part, fault in _BY_TEXT.items() if part in text)
    by_type = (fault for kind, fault in _BY_TYPE.items() if isinstance(error, kind))
    return next(chain(by_text, by_type), _UNAVAILABLE if _TRANSIENT.search(text) else _OTHER)


def _without_debugging(text: str) -> str:
    return text.partition("\n\nDebug source")[0]


def _short(text: str) -> str:
    text = _without_debugging(text)
    code, message = _CODE.search(text), _MESSAGE.search(text)
    if code is not None:
        return code[1] + (f", {message[1]}" if message is not None else "")
    silent = _NO_ANSWER.search(text)
    if silent is not None:
        server, time, unit, again = silent.groups()
        return f"no answer from {server} in {time} {unit}" + (
            f", after {int(again) + 1} requests" if again else ""
        )
    return " ".join(text.split())[:_MAX_DETAILS]
