"""Reads published assets: the manifest, and whether all files that it names are stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from eddyline.core.errors import MissingError
from eddyline.core.name_rules import is_plain_path
from eddyline.media.left_out.report import LeftOut
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key
from eddyline.pipeline.runtime.audio_track import ENCODED
from eddyline.pipeline.runtime.subtitles import CUES
from eddyline.store.store import Store

INTERNAL_FILES: Final = frozenset({CUES, ENCODED})
"""Files of parts that only other steps read; they are not published."""


def read_manifest(store: Store, asset: str) -> dict[str, Any] | None:
    """The asset's manifest; None if it is missing or cannot be parsed."""
    try:
        manifest = json.loads(store.get(manifest_key(asset)))
    except (MissingError, ValueError, RecursionError):
        return None
    return manifest if isinstance(manifest, dict) else None


def is_complete(store: Store, asset: str, manifest: Mapping[str, Any]) -> bool:
    """Whether every file that the manifest names is stored, renditions in their full size.

    False for a manifest of another shape, or one that names anything but plain paths.
    """
    try:
        stream = manifest["stream"] or {}
        names = [manifest["pictures"]["poster"], "index.html"]
        names += [stream[kind] for kind in ("hls", "dash") if stream.get(kind)]
        names += [track["path"] for track in manifest.get("subtitles", ())]
        names += [each["ambisonic"]["path"] for each in manifest.get("audio", ()) if "ambisonic" in each]
        renditions = {each["path"]: each["bytes"] for each in manifest["renditions"]}
    except (LookupError, TypeError, AttributeError):
        return False
    if not all(is_plain_path(name) for name in (*names, *renditions)):
        return False
    return all(store.size(asset_key(asset, path)) == size for path, size in renditions.items()) and all(
        store.size(asset_key(asset, name)) for name in names
    )


def is_published(store: Store, asset: str) -> bool:
    """Whether the asset is published and complete."""
    manifest = read_manifest(store, asset)
    return manifest is not None and is_complete(store, asset, manifest)


def read_left_out(store: Store, asset: str) -> tuple[LeftOut, ...]:
    """What of its source a published asset does not contain; manifests of version 1 list nothing."""
    manifest = read_manifest(store, asset) or {}
    return tuple(LeftOut.from_json(each) for each in manifest.get("left_out", ()))
