"""Where a media store is: s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or a folder.

What follows the bucket is taken as it stands, as the clouds' own tools do: only file:///folder is
percent-decoded (RFC 8089).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from eddyline.core.errors import UsageError
from eddyline.store.store import checked_key

LOCAL = "file"
# The clouds' own rules for the names of buckets, by scheme: S3 and GCS allow dots, GCS underscores too.
_BUCKETS = {
    "s3": re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "gs": re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"),
    "az": re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}|\$web|\$root"),
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_KNOWN = "give a folder, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, file:///folder"


@dataclass(frozen=True, kw_only=True)
class Address:
    """A place for media. `path` is the prefix in the bucket ("" for its root), or the local folder."""

    scheme: str
    bucket: str = ""
    path: str = ""

    @property
    def local(self) -> bool:
        """Whether it is a folder of this machine."""
        return self.scheme == LOCAL

    @property
    def folder(self) -> Path:
        """The local folder."""
        return Path(self.path)

    def __str__(self) -> str:
        if self.local:
            return self.path
        return f"{self.scheme}://{self.bucket}" + (f"/{self.path}" if self.path else "")


def parse(text: str) -> Address:
    """The place that `text` names. Raises `UsageError`."""
    if not text or "\0" in text:
        raise UsageError("the address of the media store is empty or has a zero byte in it", remedy=_KNOWN)
    found = _SCHEME.match(text)
    if found is None:
        return Address(scheme=LOCAL, path=text)
    scheme = found[1].lower()
    if scheme == LOCAL:
        return Address(scheme=LOCAL, path=_file_path(text))
    if scheme not in _BUCKETS or not text[found.end() :].startswith("/"):
        raise UsageError(f"{found[0]} begins no address that Eddyline knows", remedy=_KNOWN)
    bucket, _, prefix = text[found.end() + 1 :].partition("/")
    if _BUCKETS[scheme].fullmatch(bucket) is None:
        # The name itself is not repeated: it may be a secret (s3://key:secret@bucket).
        raise UsageError(
            f"what follows {scheme}:// is not the name of a bucket",
            remedy=f"{_KNOWN}; keys and passwords go into the environment",
        )
    prefix = prefix.strip("/")
    return Address(scheme=scheme, bucket=bucket, path=checked_key(prefix) if prefix else "")


def parse_object(text: str) -> tuple[Address, str]:
    """One object: the root of its bucket (or its folder), and its key there. Raises `UsageError`.

    `s3://bucket/a/b.mp4` is (s3://bucket, "a/b.mp4"), `/card/GX010001.MP4` is (/card, "GX010001.MP4").
    """
    whole = parse(text)
    if whole.local:
        path = PurePosixPath(whole.path)
        if path.name in {"", ".."}:
            raise UsageError(f"{text} names no file")
        return Address(scheme=LOCAL, path=str(path.parent)), checked_key(path.name)
    if not whole.path or text.endswith("/"):
        raise UsageError(
            f"{whole} names no object",
            remedy="add the object's key to the address"
            + ("" if text.endswith("/") else ", or / for all that lies below it"),
        )
    if not text.endswith(f"://{whole.bucket}/{whole.path}"):
        # Empty parts and single dots are lost on the way to the store: never take another object for it.
        raise UsageError(
            f"{text[:200]!r} cannot be reached: its key has // or /./ in it, or / at an end",
            remedy="give the object another key",
        )
    return Address(scheme=whole.scheme, bucket=whole.bucket), whole.path


def _file_path(text: str) -> str:
    try:
        parts = urlsplit(text.replace("?", "%3F").replace("#", "%23"))
    except ValueError as error:  # brackets that promise an IPv6 address and hold none
        raise UsageError(f"{text!r} is not an address", remedy="write file:///folder/below") from error
    path = unquote(parts.path)
    if parts.netloc.lower() not in {"", "localhost"} or not path.startswith("/") or "\0" in path:
        raise UsageError(f"{text} is not a folder of this machine", remedy="write file:///folder/below")
    return path
