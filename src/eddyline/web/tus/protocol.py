"""The headers of the tus protocol 1.0, and the errors of uploads as its status codes."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from eddyline.core.errors import EddylineError, UsageError
from eddyline.library.uploads import errors
from eddyline.library.uploads.upload import Upload
from eddyline.web.problems import Problem, not_found, of_error

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum"
CONTENT_TYPE = "application/offset+octet-stream"
CHECKSUM_MISMATCH = 460
_MAX_METADATA = 16 * 1024
_MAX_DIGITS = 18
_HASHES: dict[str, Callable[[], Any]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}
CHECKSUMS = ",".join(_HASHES)
_STATUS: tuple[tuple[type[EddylineError], HTTPStatus], ...] = (
    (errors.UploadEndedError, HTTPStatus.GONE),
    (errors.OffsetError, HTTPStatus.CONFLICT),
    (errors.ElsewhereError, HTTPStatus.MISDIRECTED_REQUEST),
    (errors.UploadBusyError, HTTPStatus.LOCKED),
    (errors.TakenOverError, HTTPStatus.LOCKED),
    (errors.TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.QuotaError, HTTPStatus.INSUFFICIENT_STORAGE),
    (errors.DiskFullError, HTTPStatus.INSUFFICIENT_STORAGE),
    (errors.TooManyUploadsError, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.FileTypeError, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (UsageError, HTTPStatus.BAD_REQUEST),
)
_RETRY_AFTER = {HTTPStatus.LOCKED: "1", HTTPStatus.TOO_MANY_REQUESTS: "60"}


@dataclass(frozen=True, kw_only=True)
class Checksum:
    """The header Upload-Checksum: the name of a hash, and the digest of the request's body."""

    algorithm: str
    digest: bytes

    def new(self) -> Any:  # noqa: ANN401 - a hash object of hashlib has no public type
        """A new hash object."""
        return _HASHES[self.algorithm]()


def common_headers(**others: str) -> dict[str, str]:
    """The headers of every response, and others; underscores in names become hyphens."""
    named = {name.replace("_", "-"): value for name, value in others.items()}
    return {
        "Tus-Resumable": VERSION,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **named,
    }


def upload_headers(upload: Upload) -> dict[str, str]:
    """The headers that state how far an upload is, and when it expires."""
    return common_headers(
        Upload_Offset=str(upload.offset), Upload_Expires=formatdate(upload.expires, usegmt=True)
    )


def length_headers(upload: Upload) -> dict[str, str]:
    """The length of an upload, or that it is not known, and its metadata."""
    length = {"Upload-Defer-Length": "1"} if upload.length is None else {"Upload-Length": str(upload.length)}
    return {**length, "Upload-Metadata": format_metadata(upload.metadata)}


@contextmanager
def tus_errors() -> Iterator[None]:
    """Raise the errors of uploads as problems with the status codes of the protocol."""
    try:
        yield
    except errors.UploadMissingError:
        problem = not_found()
        problem.headers.update(common_headers())
        raise problem from None
    except EddylineError as error:
        raise problem_of(error) from error


def problem_of(error: EddylineError) -> Problem:
    """The problem that states an error of uploads."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), None)
    problem = of_error(error) if status is None else Problem(status, error.message, remedy=error.remedy)
    problem.headers.update(common_headers())
    if retry_after := _RETRY_AFTER.get(problem.status):
        problem.headers["Retry-After"] = retry_after
    if isinstance(error, errors.OffsetError):
        problem.headers["Upload-Offset"] = str(error.offset)
    if error.reason:
        problem.members["reason"] = error.reason
    return problem


def require_version(headers: Mapping[str, str]) -> None:
    """Raise `Problem` 412 unless the client speaks this version of the protocol."""
    if headers.get("tus-resumable") != VERSION:
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED,
            "the header Tus-Resumable is missing or names another version",
            remedy=f"send Tus-Resumable: {VERSION}",
            headers=common_headers(Tus_Version=VERSION),
        )


def require_content_type(headers: Mapping[str, str]) -> None:
    """Raise `Problem` 415 unless the body consists of bytes of an upload."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body has the wrong media type",
            remedy=f"send Content-Type: {CONTENT_TYPE}",
            headers=common_headers(),
        )


def parse_size(headers: Mapping[str, str], name: str) -> int | None:
    """A number of bytes in a header; None if it is absent. Raises `Problem` 400."""
    text = headers.get(name.lower())
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > _MAX_DIGITS:
        raise bad_request(f"the header {name} is not a number of bytes")
    return int(text)


def parse_length(headers: Mapping[str, str]) -> int | None:
    """The length of a new upload; None if it is deferred. Raises `Problem` 400."""
    length, deferred = parse_size(headers, "Upload-Length"), headers.get("upload-defer-length")
    if deferred not in {None, "1"}:
        raise bad_request("the header Upload-Defer-Length must be 1")
    if (length is None) == (deferred is None):
        raise bad_request("send either Upload-Length or Upload-Defer-Length: 1")
    return length


def parse_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """The header Upload-Metadata: keys, each with a value in Base64 or without one. Raises `Problem` 400."""
    text = headers.get("upload-metadata", "").strip()
    if len(text) > _MAX_METADATA:
        raise bad_request(f"the header Upload-Metadata has more than {_MAX_METADATA} characters")
    found: dict[str, str] = {}
    for item in text.split(",") if text else ():
        key, _, encoded = item.strip().partition(" ")
        if not key or not key.isascii() or key in found:
            raise bad_request("the header Upload-Metadata has an invalid or repeated key")
        try:
            found[key] = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        except ValueError as error:  # also of UTF-8
            raise bad_request(f"the value of {key!a} in Upload-Metadata is not UTF-8 in Base64") from error
        if "\0" in found[key]:
            raise bad_request(f"the value of {key!a} in Upload-Metadata contains a null character")
    return found


def format_metadata(metadata: Mapping[str, str]) -> str:
    """The header Upload-Metadata of these values."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in metadata.items()}
    return ",".join(f"{key} {value}".strip() for key, value in encoded.items())


def parse_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """The header Upload-Checksum; None if it is absent. Raises `Problem` 400."""
    text = headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.strip().partition(" ")
    if algorithm not in _HASHES:
        raise bad_request(f"the algorithm of Upload-Checksum is not one of {CHECKSUMS}")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise bad_request("the header Upload-Checksum is not Base64") from error
    checksum = Checksum(algorithm=algorithm, digest=digest)
    if len(digest) != checksum.new().digest_size:
        raise bad_request("the digest of Upload-Checksum has the wrong length")
    return checksum


def bad_request(detail: str, *, remedy: str = "") -> Problem:
    """The problem of a request that violates the protocol."""
    return Problem(HTTPStatus.BAD_REQUEST, detail, remedy=remedy, headers=common_headers())
