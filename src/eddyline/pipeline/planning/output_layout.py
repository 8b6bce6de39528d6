"""The layout of the output directory and of the media store: finished assets, and Eddyline's own state."""

from __future__ import annotations

STATE = ".eddyline"  # the directory of Eddyline's state; it marks an output directory
OUTPUT = "assets"  # the published assets
SOURCES = "sources"  # uploaded copies of local sources


def asset_key(asset: str, path: str) -> str:
    """The key of a file of a published asset; `path` is relative to its manifest."""
    return f"{OUTPUT}/{asset}/{path}"


def manifest_key(asset: str) -> str:
    """The key of the manifest, whose appearance publishes the asset."""
    return asset_key(asset, "manifest.json")


def parts_prefix(asset: str) -> str:
    """The prefix of all intermediate files of an asset; they are removed once it is published."""
    return f"{STATE}/parts/{asset}"
