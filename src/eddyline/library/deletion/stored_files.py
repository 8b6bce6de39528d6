"""The objects of an asset in the media store: published files, parts, its source and the record of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from eddyline.core import files
from eddyline.core.errors import EddylineError
from eddyline.library.uploads.recordings import UPLOADED
from eddyline.pipeline.planning.job_ids import is_plan
from eddyline.pipeline.planning.output_layout import SOURCES, asset_key, manifest_key, parts_prefix
from eddyline.pipeline.runtime.source_files import SourceRegistry
from eddyline.store.local import LocalStore
from eddyline.store.store import Store

_UPLOAD_DEPTH = 4  # slashes in sources/uploads/OWNER/BATCH/UPLOAD


def source_addresses(store: Store, asset: str, recorded: str) -> tuple[str, ...]:
    """The addresses of the source's files; `recorded` (of the catalogue) if the store's record is gone."""
    registry = SourceRegistry(store)
    try:
        chapters = registry.chapters(asset)
        if chapters:
            return tuple(chapter.original.address for chapter in chapters)
        return (registry.find(asset).address,)
    except EddylineError:  # missing, or damaged
        return (recorded,) if recorded else ()


def uploaded_key(store: Store, address: str) -> str | None:
    """The key of a source that Eddyline stored, such as an upload; None for a file that it only reads."""
    prefix = store.where(SOURCES).rstrip("/") + "/"
    name = address.removeprefix(prefix)
    if name == address or not name or any(part in {"", ".", ".."} for part in name.split("/")):
        return None
    return f"{SOURCES}/{name}"


def delete_sources(store: Store, keys: Collection[str]) -> None:
    """Delete uploaded sources, and the directories that only they were in.

    An upload is alone in a directory (`recordings.source_key`), which may also have an incomplete copy that a
    killed process was writing.
    """
    for key in keys:
        folder = key.rpartition("/")[0]
        if folder.startswith(f"{UPLOADED}/") and folder.count("/") == _UPLOAD_DEPTH:
            if isinstance(store, LocalStore):
                _remove_files(store.path(folder))
            store.delete(folder)
        store.delete(key)
        if isinstance(store, LocalStore):
            _remove_empty_parents(store.path(key), store.path(SOURCES))


def delete_files(store: Store, asset: str) -> None:
    """Delete everything that is stored for an asset, except uploaded sources.

    The manifest is the first, so that no incomplete asset is visible; then plans, by whose absence late jobs
    recognise that their output is not needed; the record of the source is the last.
    """
    store.delete(manifest_key(asset))
    for key in list(store.list(parts_prefix(asset))):
        if is_plan(key):
            store.delete(key)
    for prefix in prefixes(asset):
        if isinstance(store, LocalStore):
            _remove_files(store.path(prefix))
        store.delete(prefix)
    store.delete(SourceRegistry.key(asset))


def leftovers(store: Store, asset: str) -> Iterator[str]:
    """The keys of what is stored for an asset, except uploaded sources."""
    for prefix in prefixes(asset):
        yield from store.list(prefix)
    key = SourceRegistry.key(asset)
    if store.size(key) is not None:
        yield key


def prefixes(asset: str) -> tuple[str, str]:
    """The prefixes of an asset's published files and of its parts."""
    return asset_key(asset, "").rstrip("/"), parts_prefix(asset)


def _remove_files(top: Path) -> None:
    """Remove the files below a directory one by one, incomplete ones included.

    A store renames a directory before it removes it: a process that is killed in between would leave the
    files under another name.
    """
    for folder, _, names in os.walk(top):
        for name in names:
            with files.translate_errors(f"deleting {name}"), contextlib.suppress(FileNotFoundError):
                (Path(folder) / name).unlink()


def _remove_empty_parents(path: Path, top: Path) -> None:
    for parent in path.parents:
        if parent == top or top not in parent.parents:
            return
        try:
            parent.rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # not empty
            return
