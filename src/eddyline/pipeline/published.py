"""What stands published: an asset's manifest, and whether all that it names is there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eddyline.core.errors import MissingError
from eddyline.core.store import Store
from eddyline.media.left_out import LeftOut
from eddyline.pipeline.layout import asset_key, manifest_key


def standing(store: Store, asset: str) -> dict[str, Any] | None:
    """The asset's manifest; None if there is none that can be read."""
    try:
        found: dict[str, Any] = json.loads(store.get(manifest_key(asset)))
    except (MissingError, ValueError):
        return None
    return found


def whole(store: Store, asset: str, manifest: Mapping[str, Any]) -> bool:
    """Whether everything that the manifest names is there, the films in their full size."""
    names = [manifest["pictures"]["poster"], *(manifest["stream"] or {}).values(), "index.html"]
    films = all(
        store.size(asset_key(asset, film["path"])) == film["bytes"] for film in manifest["renditions"]
    )
    return films and all(store.size(asset_key(asset, name)) for name in names)


def published(store: Store, asset: str) -> bool:
    """Whether the asset is there, whole."""
    manifest = standing(store, asset)
    return manifest is not None and whole(store, asset, manifest)


def left_out(store: Store, asset: str) -> tuple[LeftOut, ...]:
    """What of its source a published asset does not carry; manifests of version 1 list nothing."""
    manifest = standing(store, asset) or {}
    return tuple(LeftOut.from_json(each) for each in manifest.get("left_out", ()))
