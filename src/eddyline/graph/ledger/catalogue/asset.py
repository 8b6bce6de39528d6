"""Assets as the catalogue lists them: their states, their facts and the filters of a listing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from eddyline.core.errors import TransientError
from eddyline.graph.db.library_schema import assets


class AssetState(StrEnum):
    """The state of an asset.

    PROCESSING: it has open jobs. READY: it is published. FAILED: one of its jobs is dead. CANCELLED: its jobs
    were cancelled. DELETING: its files are being deleted; the row is removed afterwards.
    """

    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DELETING = "deleting"


class BeingDeletedError(TransientError):
    """The asset cannot be submitted until its deletion has ended."""

    default_remedy = "submit it again in a minute; `eddyline catalogue delete` continues it without a server"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One row of the catalogue, by the columns of the table `assets`; None: unknown.

    Times are in seconds since 1970, angles in degrees, `distance_m` in metres, `top_speed_m_s` in metres per
    second, `cpu_s` in seconds of CPU time. `created` is unique. `captured` is when the camera recorded it.
    `min_lon` is greater than `max_lon` where the track crosses the meridian of 180 degrees. `poster` and
    `storyboard` are paths within the asset. `failure`: the keys `error`, `message`, `remedy` and `job`.
    `redone` counts the starts of its jobs that were interrupted.
    """

    asset: str
    owner: str
    name: str
    state: AssetState
    created: float
    updated: float
    profile: str
    source: str
    progress: float
    captured: float | None = None
    duration_s: float | None = None
    source_bytes: int | None = None
    stored_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    codec: str | None = None
    camera: str | None = None
    min_lat: float | None = None
    min_lon: float | None = None
    max_lat: float | None = None
    max_lon: float | None = None
    distance_m: float | None = None
    top_speed_m_s: float | None = None
    poster: str | None = None
    storyboard: str | None = None
    failure: dict[str, Any] | None = None
    cpu_s: float | None = None
    redone: int | None = None


COLUMNS = [assets.c[each.name] for each in fields(Asset)]
"""The columns of an `Asset`, in the order of its fields."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A part of the map, in degrees; it crosses the meridian of 180 degrees if `min_lon` > `max_lon`."""

    min_lat: float
    min_lon: float
    max_lat: float
    max_lon: float


@dataclass(frozen=True, kw_only=True)
class AssetFilters:
    """The conditions of a listing; all must hold.

    `owner` None: of all owners. `states` empty: all. Every word of `text` must occur in the name or the
    camera, in upper or lower case. `camera` is the whole name of a camera. Assets match that were captured
    from `captured_from` and before `captured_to` (seconds since 1970), and whose track's bounding box
    intersects `box`.
    """

    owner: str | None = None
    states: tuple[AssetState, ...] = ()
    text: str = ""
    camera: str = ""
    captured_from: float | None = None
    captured_to: float | None = None
    box: Box | None = None


class Order(StrEnum):
    """The order of a listing: newest or oldest first, by the time at which assets were added."""

    CREATED_DESC = "-created"
    CREATED_ASC = "created"


@dataclass(frozen=True, kw_only=True)
class AssetPage:
    """A part of a listing; `next` is the cursor of the rest, empty at the end."""

    assets: tuple[Asset, ...]
    next: str
