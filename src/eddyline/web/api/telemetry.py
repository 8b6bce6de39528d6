"""The telemetry of an asset: its streams, and their samples reduced for charts and maps."""

from __future__ import annotations

from typing import Annotated, Any, cast

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from eddyline.core.errors import MissingError
from eddyline.graph.ledger.catalogue.asset import Asset, AssetState
from eddyline.library.telemetry.array_cache import Array, Group
from eddyline.library.telemetry.asset_telemetry import TIMES, AssetTelemetry
from eddyline.library.telemetry.min_max import reduce
from eddyline.library.telemetry.track_points import shape
from eddyline.web import problems
from eddyline.web.api.errors import declare
from eddyline.web.auth.dependencies import Reader
from eddyline.web.auth.principal import Principal
from eddyline.web.services import Services, WithServices
from eddyline.web.visible_assets import find_asset

router = APIRouter(tags=["telemetry"], prefix="/assets/{asset}/telemetry")
MAX_POINTS = 20_000
DEFAULT_POINTS = 2_000


class Element(BaseModel):
    """An element of a stream's samples, such as an axis."""

    name: str = Field(examples=["x"])
    unit: str = Field(description="As the camera states it; empty if it does not.", examples=["m/s²"])
    numeric: bool = Field(description="Elements that are text are not in the samples.")


class Stream(BaseModel):
    """A sensor's samples over the whole recording."""

    stream: str = Field(description="Its label: the key of GPMF, and the device of a later one.")
    name: str = Field(description="The name that the camera gives.", examples=["Accelerometer"])
    device: str
    rate_hz: float
    samples: int
    first_s: float | None = Field(description="Time of the first sample; null without samples.")
    last_s: float | None
    elements: list[Element]


class Track(BaseModel):
    """Facts about the GPS track."""

    stream: str
    altitude_reference: str = Field(examples=["mean sea level"])
    samples: int
    good: int = Field(description="Samples with a fix and a dilution of precision of at most 5.")


class Telemetry(BaseModel):
    """What an asset's telemetry has. All times are in seconds of the video."""

    camera: str | None
    duration_s: float
    streams: list[Stream]
    track: Track | None
    warnings: list[str]


class ReducedElement(BaseModel):
    """The least and the greatest value of an element in each bucket; null: not a number."""

    name: str
    unit: str
    min: list[float | None]
    max: list[float | None]


class ReducedStream(BaseModel):
    """Samples of a stream. A bucket lasts until the next time."""

    stream: str
    samples: int = Field(description="The samples of the stream in the requested range.")
    reduced: bool = Field(description="Whether buckets contain several samples; else `min` equals `max`.")
    times: list[float]
    elements: list[ReducedElement]


class TrackPoints(BaseModel):
    """Positions that show the shape of the track; arrays of one length."""

    stream: str
    altitude_reference: str
    samples: int
    good_samples: int
    top_speed_m_s: float | None = Field(description="The greatest speed of all good samples.")
    times: list[float]
    utc: list[float | None] = Field(description="Seconds since 1970.")
    lat: list[float]
    lon: list[float]
    alt_m: list[float | None]
    speed_2d: list[float | None]
    speed_3d: list[float | None]
    dop: list[float | None]
    fix: list[int] = Field(description="0: none, 2 or 3 dimensions, -1: unknown.")
    good: list[bool] = Field(description="False: no fix, or a dilution of precision above 5.")


def _telemetry(request: Request) -> AssetTelemetry:
    return cast("AssetTelemetry", request.app.state.telemetry)


WithTelemetry = Annotated[AssetTelemetry, Depends(_telemetry)]
Points = Annotated[
    int, Query(ge=2, le=MAX_POINTS, description="At most this many points of each element; a bucket is two.")
]


@router.get("", response_model=Telemetry, responses=declare(404, 422))
def telemetry(services: WithServices, principal: Reader, asset: str, cache: WithTelemetry) -> Response:
    """List the streams of an asset: their units, elements, rates, numbers of samples and times."""
    found = _find(services, principal, asset)
    try:
        return _json(cache.describe(asset, str(found.updated)))
    except MissingError:
        raise problems.not_found() from None


@router.get("/track", response_model=TrackPoints, responses=declare(404, 422))
def track(
    services: WithServices,
    principal: Reader,
    asset: str,
    cache: WithTelemetry,
    points: Points = DEFAULT_POINTS,
) -> Response:
    """Get the GPS track, simplified. Speeds and altitudes are those that the camera recorded."""
    found = _find(services, principal, asset)
    try:
        group = cache.track(asset, str(found.updated))
    except MissingError:
        raise problems.not_found() from None
    if group is None:
        raise problems.not_found()
    return _json(_track_points(group, points))


@router.get("/{stream}", response_model=ReducedStream, responses=declare(404, 422))
def stream_samples(
    services: WithServices,
    principal: Reader,
    asset: str,
    stream: str,
    cache: WithTelemetry,
    start: Annotated[
        float | None, Query(alias="from", allow_inf_nan=False, description="Start of the range in seconds.")
    ] = None,
    end: Annotated[
        float | None,
        Query(alias="to", allow_inf_nan=False, description="End of the range in seconds, exclusive."),
    ] = None,
    points: Points = DEFAULT_POINTS,
) -> Response:
    """Get the samples of a stream, as pairs of least and greatest values of equal parts of the range.

    Values are those of `eddyline telemetry --format json`; a range with few samples has all of them.
    """
    found = _find(services, principal, asset)
    try:
        group = cache.stream(asset, str(found.updated), stream)
    except MissingError:
        raise problems.not_found() from None
    if group is None:
        raise problems.not_found()
    columns = {name: values for name, values in group.arrays.items() if name != TIMES}
    times = np.asarray(group.arrays[TIMES], dtype=np.float64)
    reduced = reduce(times, list(columns.values()), start_s=start, end_s=end, points=points)
    units = {each["name"]: each["unit"] for each in group.facts["elements"]}
    return _json(
        {
            "stream": stream,
            "samples": reduced.samples,
            "reduced": reduced.reduced,
            "times": reduced.times,
            "elements": [
                {"name": name, "unit": units[name], "min": least, "max": greatest}
                for name, least, greatest in zip(columns, reduced.minima, reduced.maxima, strict=True)
            ],
        }
    )


def _find(services: Services, principal: Principal, asset: str) -> Asset:
    """A visible asset. One that is being deleted is absent: its positions must not enter the cache again."""
    found = find_asset(services, principal, asset)
    if found.state is AssetState.DELETING:
        raise problems.not_found()
    return found


def _track_points(group: Group, points: int) -> dict[str, Any]:
    arrays = {name: np.asarray(values) for name, values in group.arrays.items()}
    good = arrays["good"].astype(bool)
    kept = shape(arrays["lat"].astype(np.float64), arrays["lon"].astype(np.float64), good, points)
    speeds = arrays["speed_2d"].astype(np.float64)[good]
    speeds = speeds[np.isfinite(speeds)]
    selected: dict[str, Array] = {name: np.ascontiguousarray(values[kept]) for name, values in arrays.items()}
    return {
        "stream": group.facts["stream"],
        "altitude_reference": group.facts["altitude_reference"],
        "samples": group.facts["samples"],
        "good_samples": group.facts["good"],
        "top_speed_m_s": float(speeds.max()) if len(speeds) else None,
        **selected,
    }


def _json(values: dict[str, Any]) -> Response:
    """NaN becomes null."""
    return Response(
        orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY),
        media_type="application/json",
        headers={"Cache-Control": "private, no-cache"},
    )
