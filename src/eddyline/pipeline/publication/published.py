"""What stands published: an asset's manifest, and whether all that it names is there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eddyline.core.errors import MissingError
from eddyline.core.name_rules import is_plain_path
from eddyline.media.left_out.report import LeftOut
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key
from eddyline.store.store import Store


def read_manifest(store: Store, asset: str) -> dict[str, Any] | None:
    """The asset's manifest; None if there is none that can be read."""
    try:
        found = json.loads(store.get(manifest_key(asset)))
    except (MissingError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_complete(store: Store, asset: str, manifest: Mapping[str, Any]) -> bool:
    """Whether everything that the manifest names is there, the films in their full size.

    A manifest that is not of our shape, or that names anything but plain paths, is not.
    """
    try:
        names = [manifest["pictures"]["poster"], *(manifest["stream"] or {}).values(), "index.html"]
        names += [each["path"] for each in manifest.get("subtitles", ())]
        films = {film["path"]: film["bytes"] for film in manifest["renditions"]}
    except (LookupError, TypeError, AttributeError):
        return False
    if not all(is_plain_path(name) for name in (*names, *films)):
        return False
    return all(store.size(asset_key(asset, path)) == size for path, size in films.items()) and all(
        store.size(asset_key(asset, name)) for name in names
    )


def is_published(store: Store, asset: str) -> bool:
    """Whether the asset is there, whole."""
    manifest = read_manifest(store, asset)
    return manifest is not None and is_complete(store, asset, manifest)


def read_left_out(store: Store, asset: str) -> tuple[LeftOut, ...]:
    """What of its source a published asset does not carry; manifests of version 1 list nothing."""
    manifest = read_manifest(store, asset) or {}
    return tuple(LeftOut.from_json(each) for each in manifest.get("left_out", ()))
