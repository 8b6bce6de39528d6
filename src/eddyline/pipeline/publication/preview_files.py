"""Shows the files of a preview under the URLs of the final stream, before the asset is published.

Media segments never change. A playlist is replaced only by a longer one: publication may run at the same
time on another worker, and the playlist that it copies ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from eddyline.core.errors import MissingError
from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.pipeline.publication.published import read_manifest
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Task
from eddyline.store.store import Store

PREVIEW = "stream/preview.m3u8"
"""The path of the master playlist within the asset."""

_MEDIA = (".m4s", ".mp4")
_END, _SEGMENT = "#EXT-X-ENDLIST", "#EXTINF:"
_STREAM = "stream/"
_FIRST = "preview"  # the job with the first segment; the others are those of the kind "extend"


def preview_path(store: Store, asset: str) -> str | None:
    """The path of the preview within an asset; None if it has none or is published."""
    return PREVIEW if store.size(asset_key(asset, PREVIEW)) else None


def show_preview(task: Task, part: Part) -> None:
    """Copy the files of a part of the preview; nothing if the asset is published already."""
    store, asset = task.runtime.store, task.plan.asset
    task.context.stop.check()  # a cancelled asset has no preview any more
    if not _stream_files(part) or read_manifest(store, asset) is not None:
        return
    parts = [part] if store.size(asset_key(asset, PREVIEW)) else [*_earlier_parts(task), part]
    files = {name: each.file(name) for each in parts for name in _stream_files(each)}
    media = sorted(name for name in files if name.endswith(_MEDIA))
    store.copy_all((files[name], asset_key(asset, name)) for name in media)
    # The master playlist last: what it names exists.
    for name in sorted(files.keys() - set(media), key=lambda name: (name == PREVIEW, name)):
        _replace_playlist(store, asset_key(asset, name), store.get(files[name]))


def remove_preview(store: Store, asset: str) -> None:
    """Remove the visible files of the stream of an asset that is cancelled and was never published.

    Not while a worker may be publishing it: the stream has the same keys. If the asset is retried, its next
    extension shows all of the preview again.
    """
    if read_manifest(store, asset) is None:
        store.delete(asset_key(asset, PREVIEW))
        store.delete(asset_key(asset, _STREAM.rstrip("/")))


def _stream_files(part: Part) -> list[str]:
    return [name for name in part.files if name.startswith(_STREAM)]


def _earlier_parts(task: Task) -> Iterator[Part]:
    """The parts that were shown before that of this job, in order."""
    preview = task.plan.preview
    if preview is None or task.job.kind == _FIRST:
        return
    if preview.frames:
        yield task.part(_FIRST)
    for size in preview.extensions:
        if isinstance(task.index, int) and size < task.index:
            yield task.part(task.job.kind, size)


def _replace_playlist(store: Store, key: str, data: bytes) -> None:
    """Write a playlist unless the stored one has ended or is longer."""
    tag = store.tag(key)
    try:
        stored = store.get(key).decode("utf-8", "replace")
    except MissingError:
        stored = ""
    if _END in stored or stored.count(_SEGMENT) > data.decode("utf-8", "replace").count(_SEGMENT):
        return
    # If another worker was first, its playlist is at least as new.
    store.compare_and_set(key, data, tag)
