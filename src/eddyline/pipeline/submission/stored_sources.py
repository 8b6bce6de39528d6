"""Finds videos among the objects of a store: a named one, or all below a prefix of a bucket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from eddyline.core.errors import MissingError, UsageError
from eddyline.media.source.sniff import HEAD_BYTES
from eddyline.pipeline.planning.output_layout import OUTPUT, STATE
from eddyline.pipeline.submission.file_types import recording_order, skip_reason
from eddyline.store.open_store import BUCKETS
from eddyline.store.store import checked_key

if TYPE_CHECKING:  # its module imports the client of object stores
    from eddyline.store.objects import ObjectStore


@dataclass(frozen=True, kw_only=True)
class FolderListing:
    """The objects below a prefix: addresses of videos, and addresses of other files with the reason."""

    videos: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def find_object(address: str) -> str:
    """The address of an existing object. Raises `MissingError`, `UsageError`."""
    bucket, key = BUCKETS.find(address)
    if bucket.size(key) is None:
        raise MissingError(
            f"no such object in {bucket.address}",
            remedy="check the address; a prefix, for all objects below it, ends with /",
        )
    return bucket.where(key)


def find_videos_below(address: str, sniff: Callable[[bytes], object]) -> FolderListing:
    """Classify all objects below a prefix, sorted by directory, and in each by recording order.

    Raises `MissingError` if there are none, `UsageError` for a bucket that cannot be reached.
    """
    bucket, top = BUCKETS.folder(address)
    keys = list(bucket.list(top) if top else bucket.list_all())
    if not keys:
        raise MissingError(f"no objects below {address}", remedy="check the address")
    videos: list[str] = []
    skipped: list[tuple[str, str]] = []
    results = _output_directories(keys)
    skipped += [
        (f"{bucket.address}/{folder}", "results of an earlier run")
        for folder in sorted(results)
        if folder != top
    ]
    for key in sorted(keys, key=_sort_key):
        if _is_hidden(key, top, results):
            continue
        reason = _invalid_key(key) or skip_reason(key, partial(_sniff, bucket, key, sniff))
        if reason:
            skipped.append((f"{bucket.address}/{key}", reason))
        else:
            videos.append(bucket.where(key))
    return FolderListing(videos=tuple(videos), skipped=tuple(skipped))


def _output_directories(keys: list[str]) -> set[str]:
    """The output directories of earlier runs: those that contain Eddyline's own state."""
    paths = [PurePosixPath(key).parts for key in keys]
    return {"/".join(parts[: parts.index(STATE)]) for parts in paths if STATE in parts}


def _is_hidden(key: str, top: str, results: set[str]) -> bool:
    """Whether a key is below a directory named with a leading dot, or among results of earlier runs."""
    inner = key[len(top) :].strip("/")
    if any(part.startswith(".") for part in PurePosixPath(inner).parts):
        return True
    if top in results and inner.startswith(f"{OUTPUT}/"):
        return True
    return any(key.startswith(f"{folder}/") for folder in results if folder != top)


def _sort_key(key: str) -> tuple[str, tuple[str, str]]:
    path = PurePosixPath(key)
    return str(path.parent), recording_order(path.name)


def _invalid_key(key: str) -> str:
    """Why an object has no address that Eddyline accepts; "" if it has."""
    try:
        checked_key(key)
    except UsageError as error:
        return str(error)
    return ""


def _sniff(bucket: ObjectStore, key: str, sniff: Callable[[bytes], object]) -> None:
    with bucket.ranges(key) as src:
        head = src.read(0, min(HEAD_BYTES, src.size))
    sniff(head)
