"""Footage of one machine, brought to where all of a fleet can read it."""

from __future__ import annotations

import re
from pathlib import Path

from eddyline.core.errors import FormatError
from eddyline.media.source.fingerprint import fingerprint
from eddyline.mp4.index import read_movie
from eddyline.pipeline.planning.output_layout import SOURCES
from eddyline.store.local import LocalStore
from eddyline.store.ranges import FileRanges
from eddyline.store.store import Store

_ODD = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]")
_LONGEST = 200  # bytes of a name; a store's key has room for little more


def upload_source(path: Path, store: Store) -> str:
    """The address by which every machine can read a local file.

    Where the store is a bucket, the file is put there once, known by its content: asked again, nothing moves.
    A store that is a folder is one disk for all, on which the file may stay where it is.
    Raises `MissingError`, `TransientError`.
    """
    if isinstance(store, LocalStore):
        return str(path.absolute())
    with FileRanges(path) as src:
        size = src.size
        key = f"{SOURCES}/{_print(src)[:32]}/{_name(path)}"
    if store.size(key) != size:
        store.put(key, path)
    return store.where(key)


def _print(src: FileRanges) -> str:
    try:
        movie = read_movie(src)
    except FormatError:
        movie = None  # no MP4, or a broken one: it is still known by its bytes
    return fingerprint(src, movie)


def _name(path: Path) -> str:
    """The file's name, as every store can hold it; its end, which says what it is, stays."""
    name = _ODD.sub("_", path.name)
    return name.encode()[-_LONGEST:].decode("utf-8", "ignore") or "footage"
