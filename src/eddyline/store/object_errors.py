"""The errors of object stores, classified once: what is worth another try, and what to do about the rest."""

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
_SAID = re.compile(r"<Message>([^<]{1,300})</Message>")
_NO_ANSWER = re.compile(
    r"Error performing [A-Z]+ (https?://[^/\s]+)\S* in (\d+(?:\.\d)?)\d*(\S?s)(?:, after (\d+) retries)?"
    r".*HTTP error: error sending"
)
_STATUS = "Server returned non-2xx status code: "
_KEPT = 400  # characters of what the store said

_TRY_AGAIN = "see whether the network and the store are up; then run the same command again"
_RIGHTS = (
    "the credentials need to read, write, list and delete there "
    "(s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, s3:ListBucket)"
)
_KEYS = "give valid ones by the environment (AWS_ACCESS_KEY_ID and so on), a profile or the machine's role"
_REGION = "set AWS_REGION to the bucket's region"


class UnusableKeyError(UsageError):
    """An object of others has a key that cannot be held here; nothing beside it can be listed."""


@dataclass(frozen=True)
class _Fault:
    kind: type[EddylineError]
    what: str  # "": what the store said
    remedy: str


_NO_BUCKET = _Fault(UsageError, "there is no such bucket", "create it, or correct the address")
_REFUSED = _Fault(UsageError, "access is denied", _RIGHTS)
_ELSEWHERE = _Fault(UsageError, "the bucket is in another region", _REGION)
# Expired credentials renew themselves on machines with a role, and a metadata service may be slow: both may
# well succeed later, so a job is not lost to them.
_NO_KEYS = _Fault(TransientError, "no credentials could be had", _KEYS)

_BY_CODE = {
    "NoSuchBucket": _NO_BUCKET,
    "ContainerNotFound": _NO_BUCKET,
    "InvalidBucketName": _NO_BUCKET,
    "AccessDenied": _REFUSED,
    "InvalidObjectState": _Fault(UsageError, "the object is in an archive", "restore it first"),
    "RequestTimeTooSkewed": _Fault(UsageError, "this machine's clock is wrong", "set the clock"),
    "InvalidAccessKeyId": _Fault(UsageError, "the access key is not known there", _KEYS),
    "SignatureDoesNotMatch": _Fault(UsageError, "the secret key is wrong", _KEYS),
    "KeyTooLongError": _Fault(UsageError, "the key is too long", "shorten the prefix in the address"),
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "PermanentRedirect": _ELSEWHERE,
    "NotImplemented": _Fault(
        UsageError,
        "the store cannot do that",
        "use one that knows conditional writes (If-None-Match, If-Match) and multipart uploads, as S3 does",
    ),
    "ExpiredToken": _Fault(TransientError, "the credentials have expired", "renew them"),
}
_ODD_KEY = _Fault(UnusableKeyError, "", "give that object another key, or name the others one by one")
# Looked for in all that the error says, unless an object is missing: that message begins with its key.
_BY_WORDS = {
    "http://169.254.": _NO_KEYS,
    "http://metadata.google": _NO_KEYS,
    "HTTP error: builder error": _Fault(
        UsageError, "the endpoint is not https", "use https, or set allow_http where the network is trusted"
    ),
    "Received redirect without LOCATION": _ELSEWHERE,
    "Encountered object with invalid path": _ODD_KEY,
}
_BY_TYPE: dict[type[Exception], _Fault] = {
    PreconditionError: _Fault(TransientError, "it was changed meanwhile", "run the same command again"),
    FileNotFoundError: _Fault(MissingError, "it is not there", ""),
    PermissionDeniedError: _REFUSED,
    UnauthenticatedError: _Fault(UsageError, "the credentials are not accepted", _KEYS),
    UnknownConfigurationKeyError: _Fault(UsageError, "", "correct the store's settings"),
    ValueError: _Fault(UsageError, "", "correct the address or the key"),
}
_OTHER = _Fault(TransientError, "", _TRY_AGAIN)
_AWAY = _Fault(StoreUnavailableError, "", _TRY_AGAIN)
# No answer at all, half of one, or one that says "later" (408, 429, 5xx but 501).
_PASSES = re.compile(rf"HTTP error: |{_STATUS}(?:408|429|50[02-9])")


@contextlib.contextmanager
def translate_errors(what: str, *, where: str) -> Iterator[None]:
    """Turn an object store's errors into ours; `what` is being done at the address `where`.

    Raises `MissingError`, `TransientError` or `UsageError`; errors of our own pass through untouched.
    """
    try:
        yield
    except EddylineError:
        raise
    except (BaseError, FileNotFoundError, ValueError) as error:
        raise _classified(error, f"{what} in {where}") from error
    except OSError as error:
        raise StoreUnavailableError(f"{what} in {where}: {_short(str(error))}", remedy=_TRY_AGAIN) from error


def is_missing(error: FileNotFoundError) -> bool:
    """Whether it is the object that is missing, rather than its whole bucket."""
    return _fault(error).kind is MissingError


def _classified(error: Exception, doing: str) -> EddylineError:
    fault = _fault(error)
    return fault.kind(f"{doing}: {fault.what or _short(str(error))}", remedy=fault.remedy)


def _fault(error: Exception) -> _Fault:
    said = _without_debugging(str(error))
    code = _CODE.search(said.rpartition(_STATUS)[2])
    if code is not None and code[1] in _BY_CODE:
        return _BY_CODE[code[1]]
    if isinstance(error, FileNotFoundError):
        return _BY_TYPE[FileNotFoundError]
    by_words = (fault for words, fault in _BY_WORDS.items() if words in said)
    by_type = (fault for kind, fault in _BY_TYPE.items() if isinstance(error, kind))
    return next(chain(by_words, by_type), _AWAY if _PASSES.search(said) else _OTHER)


def _without_debugging(said: str) -> str:
    return said.partition("\n\nDebug source")[0]


def _short(said: str) -> str:
    said = _without_debugging(said)
    code, message = _CODE.search(said), _SAID.search(said)
    if code is not None:
        return code[1] + (f", {message[1]}" if message is not None else "")
    silent = _NO_ANSWER.search(said)
    if silent is not None:
        server, time, unit, again = silent.groups()
        return f"no answer from {server} in {time} {unit}" + (
            f", asked {int(again) + 1} times" if again else ""
        )
    return " ".join(said.split())[:_KEPT]
