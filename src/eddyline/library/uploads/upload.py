"""One upload: its state, and the metadata that a client sends with it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Row

from eddyline.core.errors import UsageError
from eddyline.core.formatting import short_repr
from eddyline.media.ladder.profile import profile_names

MAX_PARTS = 99
"""The most files of one recording: camera names have two digits for the chapter."""

_MAX_NAME_BYTES = 200  # a store's key has room for little more
_NAME_BYTES_KEPT = 180
_INVALID_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f\ud800-\udfff]')
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_RECORDING = re.compile(r"[A-Za-z0-9_-]{8,64}")
_UNNAMED = "upload"


class UploadState(StrEnum):
    """OPEN: bytes are missing. COMPLETE: all bytes are durable, and a recording may wait for other files.

    STORING: the file moves into the media store. SUBMITTED: it is an asset. FAILED: it will not become one;
    its bytes are deleted.
    """

    OPEN = "open"
    COMPLETE = "complete"
    STORING = "storing"
    SUBMITTED = "submitted"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class NewUpload:
    """What a client declares of a file: its length in bytes (None: not yet), name, profile and recording.

    `fingerprint` and `sha256` are hexadecimal, or "". `recording` is a name that the client chooses for the
    files of one recording ("": one file), of which this is number `part` (from 0) of `parts`. `metadata` is
    what the client sent, for its own use.
    """

    owner: str
    name: str
    length: int | None
    profile: str = "default"
    fingerprint: str = ""
    sha256: str = ""
    recording: str = ""
    part: int = 0
    parts: int = 1
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A row of the table `uploads`; times are in seconds since 1970, sizes in bytes."""

    id: str
    owner: str
    name: str
    length: int | None
    offset: int
    fingerprint: str
    state: UploadState
    metadata: dict[str, str]
    recording: str
    part: int
    parts: int
    directory: str
    writer: str | None
    key: str | None
    created: float
    updated: float
    expires: float
    sha256: str | None
    asset: str | None
    failure: dict[str, Any] | None

    @property
    def profile(self) -> str:
        """The name of the profile of its asset."""
        return self.metadata.get("profile", "default")

    @classmethod
    def of_row(cls, row: Row[Any]) -> Upload:
        """The upload of a row of the table."""
        values = dict(row._mapping)  # noqa: SLF001 - the public name of the mapping of a row
        failure = values["failure"]
        return cls(
            **{
                **values,
                "state": UploadState(values["state"]),
                "metadata": json.loads(values["metadata"]),
                "failure": None if failure is None else json.loads(failure),
            }
        )


def parse_new_upload(metadata: Mapping[str, str], *, owner: str, length: int | None) -> NewUpload:
    """The declaration of an upload by its metadata (`docs/reference/uploads.md` has the keys).

    Raises `UsageError` for an invalid value.
    """
    profile = metadata.get("profile") or "default"
    if profile not in profile_names():
        raise UsageError(
            f"unknown profile {short_repr(profile)}", remedy=f"choose one of {', '.join(profile_names())}"
        )
    recording = metadata.get("recording", "")
    parts = _parse_count(metadata, "parts", default=1)
    part = _parse_count(metadata, "part", default=0)
    if recording and _RECORDING.fullmatch(recording) is None:
        raise UsageError("invalid recording", remedy="use 8 to 64 letters, digits, - and _")
    if not 0 <= part < parts <= MAX_PARTS or (parts > 1 and not recording):
        raise UsageError(
            "invalid part or parts", remedy=f"number the files of a recording from 0, at most {MAX_PARTS}"
        )
    return NewUpload(
        owner=owner,
        name=clean_name(metadata.get("filename") or metadata.get("name") or ""),
        length=length,
        profile=profile,
        fingerprint=_parse_digest(metadata, "fingerprint"),
        sha256=_parse_digest(metadata, "sha256"),
        recording=recording if parts > 1 else "",
        part=part,
        parts=parts,
        metadata=dict(metadata),
    )


def clean_name(name: str) -> str:
    """A file name that every store and file system accepts; a long one keeps its start and its suffix.

    The directories of a path are removed, and invisible characters (a line break, a bidirectional override).
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    visible = "".join(
        char for char in last if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
    )
    clean = _INVALID_IN_NAMES.sub("_", unicodedata.normalize("NFC", visible)).strip(" .")
    if len(clean.encode()) <= _MAX_NAME_BYTES:
        return clean or _UNNAMED
    suffix = PurePosixPath(clean).suffix
    suffix = suffix if len(suffix.encode()) <= _MAX_NAME_BYTES - _NAME_BYTES_KEPT else ""
    start = clean.encode()[:_NAME_BYTES_KEPT].decode("utf-8", "ignore").rstrip(" .")
    return f"{start}{suffix}" or _UNNAMED


def _parse_digest(metadata: Mapping[str, str], key: str) -> str:
    text = metadata.get(key, "").lower()
    if text and _FINGERPRINT.fullmatch(text) is None:
        raise UsageError(f"invalid {key}", remedy="send 64 hexadecimal digits, or leave it out")
    return text


def _parse_count(metadata: Mapping[str, str], key: str, *, default: int) -> int:
    text = metadata.get(key, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 2:  # noqa: PLR2004 - digits of MAX_PARTS
        raise UsageError(f"invalid {key}", remedy=f"send a number below {MAX_PARTS + 1}")
    return int(text)
