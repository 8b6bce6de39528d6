"""Footage among the objects of a store: one that is named, or all below a folder of a bucket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from eddyline.core.errors import MissingError, UsageError
from eddyline.media.source.sniff import HEAD_BYTES
from eddyline.pipeline.planning.output_layout import OUTPUT, STATE
from eddyline.pipeline.submission.file_types import recording_order, skip_reason
from eddyline.store.objects import ObjectStore
from eddyline.store.open_store import BUCKETS
from eddyline.store.store import checked_key


@dataclass(frozen=True, kw_only=True)
class FolderListing:
    """What a folder of a bucket holds: addresses, and those that are no footage with the reason."""

    videos: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def find_object(address: str) -> str:
    """The address of an object that is there. Raises `MissingError`, `UsageError`."""
    bucket, key = BUCKETS.find(address)
    if bucket.size(key) is None:
        raise MissingError(
            f"there is no such object in {bucket.address}",
            remedy="check the address; with / at its end it is a folder, and all below it is taken",
        )
    return bucket.where(key)


def find_videos_below(address: str, sniff: Callable[[bytes], object]) -> FolderListing:
    """Judge everything below a folder; folders in the order of their names, in each the order of filming.

    Raises `MissingError` for one with nothing in it, `UsageError` for a bucket that cannot be reached.
    """
    bucket, top = BUCKETS.folder(address)
    keys = list(bucket.list(top) if top else bucket.list_all())
    if not keys:
        raise MissingError(f"there is nothing below {address}", remedy="check the address")
    videos: list[str] = []
    skipped: list[tuple[str, str]] = []
    results = _results(keys)
    skipped += [
        (f"{bucket.address}/{folder}", "results of an earlier run")
        for folder in sorted(results)
        if folder != top
    ]
    for key in sorted(keys, key=_walk):
        if _hidden(key, top, results):
            continue
        reason = _unnameable(key) or skip_reason(key, lambda: sniff(_head(bucket, key)))  # noqa: B023 - asked at once
        if reason:
            skipped.append((f"{bucket.address}/{key}", reason))
        else:
            videos.append(bucket.where(key))
    return FolderListing(videos=tuple(videos), skipped=tuple(skipped))


def _results(keys: list[str]) -> set[str]:
    """The folders that hold Eddyline's own state."""
    marked = [PurePosixPath(key).parts for key in keys]
    return {"/".join(parts[: parts.index(STATE)]) for parts in marked if STATE in parts}


def _hidden(key: str, top: str, results: set[str]) -> bool:
    """Whether it lies where nobody looks: in a folder of dots, among earlier results."""
    inner = key[len(top) :].strip("/")
    if any(part.startswith(".") for part in PurePosixPath(inner).parts):
        return True
    if top in results and inner.startswith(f"{OUTPUT}/"):
        return True
    return any(key.startswith(f"{folder}/") for folder in results if folder != top)


def _walk(key: str) -> tuple[str, tuple[str, str]]:
    path = PurePosixPath(key)
    return str(path.parent), recording_order(path.name)


def _unnameable(key: str) -> str:
    """Why an object that others put there cannot be named; "" if it can."""
    try:
        checked_key(key)
    except UsageError as error:
        return str(error)
    return ""


def _head(bucket: ObjectStore, key: str) -> bytes:
    with bucket.ranges(key) as src:
        return src.read(0, min(HEAD_BYTES, src.size))
