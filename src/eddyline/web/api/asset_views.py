"""Assets as the API shows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, Field

from eddyline.graph.ledger.catalogue.asset import Asset, AssetState
from eddyline.library.progress.asset_progress import AssetProgress
from eddyline.web.auth.principal import Principal, Scope

_MANIFEST_KEYS = (
    "version",
    "renditions",
    "audio",
    "subtitles",
    "stream",
    "pictures",
    "highlights",
    "chapters",
    "left_out",
    "proof",
)


class Progress(BaseModel):
    """How far an asset is that is being processed."""

    fraction: float = Field(ge=0, le=1, description="It never decreases.", examples=[0.42])
    stage: str = Field(examples=["encode"])
    eta_s: float | None = Field(description="The remaining time in seconds; null: unknown.", examples=[95.0])
    reason: str = Field(
        description="What happens now, or what is waited for.", examples=["encoding, 3 of 12 chunks done"]
    )


class Failure(BaseModel, extra="allow"):
    """Why an asset failed."""

    error: str = Field(examples=["InputError"])
    message: str = Field(examples=["the file has no video track"])
    remedy: str = Field(default="", examples=["copy the file again"])
    job: str = Field(default="", description="The id of the job that failed.")


class AssetView(BaseModel):
    """A recording, as the catalogue has it; null: unknown. Times are in seconds since 1970."""

    asset: str = Field(examples=["0123456789abcdef"])
    owner: str
    name: str = Field(examples=["GX010001.MP4"])
    state: AssetState
    created: float = Field(examples=[1_790_000_000.0])
    updated: float
    profile: str = Field(examples=["default"])
    source: str | None = Field(description="The address of the source; for administrators.")
    progress: Progress | None = Field(description="Null unless the asset is being processed.")
    captured: float | None
    duration_s: float | None = Field(examples=[61.2])
    source_bytes: int | None
    stored_bytes: int | None
    width: int | None = Field(examples=[3840])
    height: int | None = Field(examples=[2160])
    fps: float | None = Field(examples=[59.94])
    codec: str | None = Field(examples=["hevc"])
    camera: str | None = Field(examples=["HERO11 Black"])
    min_lat: float | None
    min_lon: float | None
    max_lat: float | None
    max_lon: float | None
    distance_m: float | None
    top_speed_m_s: float | None
    poster: str | None
    storyboard: str | None
    failure: Failure | None
    cpu_s: float | None = Field(description="CPU seconds of all its jobs.")
    redone: int | None = Field(description="Starts of its jobs that were interrupted.")
    links: dict[str, str] = Field(description="Paths on this server.")


class AssetDetails(AssetView):
    """A recording with a summary of its manifest; null until it is published."""

    manifest: dict[str, Any] | None


class AcceptedAsset(BaseModel):
    """What a creation gave. `asset` is null while the file of an upload is being stored."""

    asset: str | None = Field(examples=["0123456789abcdef"])
    upload: str | None = Field(examples=[None])
    links: dict[str, str] = Field(examples=[{"asset": "/api/v1/assets/0123456789abcdef"}])


class AssetList(BaseModel):
    """A page of a list. `next` is the cursor of the following page; empty at the end."""

    assets: list[AssetView]
    next: str
    counts: dict[AssetState, int] | None = Field(
        default=None, description="All assets that match the filters, by state; with `counts=true`."
    )


_NOT_IN_CSV = {"progress", "failure", "links"}
COLUMNS = (
    *(name for name in AssetView.model_fields if name not in _NOT_IN_CSV),
    "error",
    "remedy",
    "fraction",
)
"""The columns of a CSV export."""


def asset_json(asset: Asset, principal: Principal, progress: AssetProgress | None) -> dict[str, Any]:
    """An asset as JSON values. Progress that was read before the row does not go back."""
    shown = progress and {**asdict(progress), "fraction": max(progress.fraction, asset.progress)}
    return {
        **asdict(asset),
        "state": asset.state.value,
        "source": asset.source if principal.scope is Scope.ADMIN else None,
        "progress": shown,
        "links": links(asset),
    }


def asset_row(asset: Asset, principal: Principal) -> dict[str, Any]:
    """An asset as a row of a CSV export."""
    failure = asset.failure or {}
    return {
        **asset_json(asset, principal, None),
        "error": failure.get("message"),
        "remedy": failure.get("remedy"),
        "fraction": asset.progress,
    }


def manifest_summary(manifest: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The sections of a manifest that clients show. The whole manifest has a link."""
    return None if manifest is None else {key: manifest[key] for key in _MANIFEST_KEYS if key in manifest}


def links(asset: Asset) -> dict[str, str]:
    """The paths of what belongs to an asset."""
    api, media = f"/api/v1/assets/{asset.asset}", f"/media/{asset.asset}"
    found = {"self": api, "page": f"/assets/{asset.asset}", "jobs": f"/api/v1/jobs?asset={asset.asset}"}
    if asset.poster:
        found["poster"] = f"{media}/{asset.poster}"
    if asset.state is AssetState.READY:
        found |= {"manifest": f"{api}/manifest", "telemetry": f"{api}/telemetry", "media": f"{media}/"}
        if asset.storyboard:
            found["storyboard"] = f"{media}/{asset.storyboard}"
    return found


def processing(assets: Collection[Asset]) -> list[str]:
    """The ids of those that are being processed."""
    return [each.asset for each in assets if each.state is AssetState.PROCESSING]
