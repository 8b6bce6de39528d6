"""Where things lie below DIR: finished assets for people, and Eddyline's own state."""

from __future__ import annotations

STATE = ".eddyline"  # the folder of state that marks an output folder
OUTPUT = "assets"  # what a run writes beside it
SOURCES = "sources"  # uploaded copies of local sources


def asset_key(asset: str, path: str) -> str:
    """The key of a file of a finished asset; `path` is relative to its manifest."""
    return f"{OUTPUT}/{asset}/{path}"


def manifest_key(asset: str) -> str:
    """The one file whose appearance publishes an asset."""
    return asset_key(asset, "manifest.json")
