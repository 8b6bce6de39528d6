"""Addresses of media stores: s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or a directory.

The part after the bucket is used literally, as in the tools of the clouds; only file:///directory is
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
WEB_SCHEMES = ("http", "https")  # of addresses that are read and never written
# Rules for bucket names, by scheme: S3 and GCS allow dots, GCS also underscores.
_BUCKETS = {
    "s3": re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "gs": re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"),
    "az": re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}|\$web|\$root"),
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_FORMS = "pass a directory, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, file:///dir"


@dataclass(frozen=True, kw_only=True)
class Address:
    """The address of a store. `path` is the prefix in the bucket ("" for its root), or a local path."""

    scheme: str
    bucket: str = ""
    path: str = ""

    @property
    def local(self) -> bool:
        """Whether this is a directory of this machine."""
        return self.scheme == LOCAL

    @property
    def folder(self) -> Path:
        """The local directory."""
        return Path(self.path)

    def __str__(self) -> str:
        if self.local:
            return self.path
        return f"{self.scheme}://{self.bucket}" + (f"/{self.path}" if self.path else "")


def parse(text: str) -> Address:
    """Parse an address. Raises `UsageError`."""
    if not text or "\0" in text:
        raise UsageError("the address of the media store is empty or contains a zero byte", remedy=_FORMS)
    found = _SCHEME.match(text)
    if found is None:
        return Address(scheme=LOCAL, path=text)
    scheme = found[1].lower()
    if scheme == LOCAL:
        return Address(scheme=LOCAL, path=_file_path(text))
    if scheme not in _BUCKETS or not text[found.end() :].startswith("/"):
        raise UsageError(f"unknown scheme {found[0]}", remedy=_FORMS)
    bucket, _, prefix = text[found.end() + 1 :].partition("/")
    if _BUCKETS[scheme].fullmatch(bucket) is None:
        # Without the name, which may be a secret (s3://key:secret@bucket).
        raise UsageError(
            f"invalid bucket name after {scheme}://",
            remedy=f"{_FORMS}; set keys and passwords in the environment",
        )
    prefix = prefix.strip("/")
    return Address(scheme=scheme, bucket=bucket, path=checked_key(prefix) if prefix else "")


def parse_object(text: str) -> tuple[Address, str]:
    """Parse an object address: the root of its bucket (or its directory), and its key. Raises `UsageError`.

    `s3://bucket/a/b.mp4` is (s3://bucket, "a/b.mp4"), `/card/GX010001.MP4` is (/card, "GX010001.MP4").
    """
    whole = parse(text)
    if whole.local:
        path = PurePosixPath(whole.path)
        if path.name in {"", ".."}:
            raise UsageError(f"{text} is not the path of a file")
        return Address(scheme=LOCAL, path=str(path.parent)), checked_key(path.name)
    if not whole.path or text.endswith("/"):
        raise UsageError(
            f"{whole} is not the address of an object",
            remedy="add the key of the object to the address"
            + ("" if text.endswith("/") else ", or / for all objects below it"),
        )
    if not text.endswith(f"://{whole.bucket}/{whole.path}"):
        # The store drops empty parts and single dots; another object must not be read instead.
        raise UsageError(
            f"{text[:200]!r} is not supported: its key contains // or /./, or starts or ends with /",
            remedy="rename the object",
        )
    return Address(scheme=whole.scheme, bucket=whole.bucket), whole.path


def _file_path(text: str) -> str:
    try:
        parts = urlsplit(text.replace("?", "%3F").replace("#", "%23"))
    except ValueError as error:  # brackets without a valid IPv6 address
        raise UsageError(f"invalid address {text!r}", remedy="write file:///dir/subdir") from error
    path = unquote(parts.path)
    if parts.netloc.lower() not in {"", "localhost"} or not path.startswith("/") or "\0" in path:
        raise UsageError(f"{text} is not a local directory", remedy="write file:///dir/subdir")
    return path
