"""The facts of an asset for the catalogue, from its manifest of any version: a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eddyline.core.numbers import parse_rational

_QUARTER_TURN = 90
_DATE_LENGTHS = {4: "-01-01", 7: "-01"}  # a year, a year and a month


def catalogue_facts(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The facts by the columns of the table `assets`, with `name`, `profile`, `owner` and `created`.

    A fact that the manifest does not have is None; the catalogue checks the types and bounds of the others.
    """
    source, run = _section(manifest, "source"), _section(manifest, "run")
    telemetry, video = _section(manifest, "telemetry"), _section(manifest, "source", "video")
    gps, pictures = _section(telemetry, "gps"), _section(manifest, "pictures")
    width, height = video.get("width"), video.get("height")
    if video.get("rotation") in (_QUARTER_TURN, 3 * _QUARTER_TURN):
        width, height = height, width
    return {
        "name": source.get("name"),
        "owner": manifest.get("owner", ""),
        "profile": _section(manifest, "profile").get("name"),
        "created": _posix(run.get("started")),
        "captured": _captured(manifest, gps),
        "duration_s": source.get("duration_s"),
        "source_bytes": source.get("bytes"),
        "stored_bytes": run.get("stored_bytes", _size_of_renditions(manifest)),
        "width": width,
        "height": height,
        "fps": _rate(video.get("fps")),
        "codec": video.get("codec"),
        "camera": _section(telemetry, "camera").get("model") or _device(_section(manifest, "device")),
        **_box(gps.get("box"), _section(manifest, "location")),
        "distance_m": gps.get("distance_m"),
        "top_speed_m_s": gps.get("top_speed_mps"),
        "poster": pictures.get("poster"),
        "storyboard": pictures.get("storyboard"),
        "cpu_s": run.get("cpu_seconds"),
        "redone": run.get("redone_jobs"),
    }


def _section(values: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """An object within a manifest; empty if it is missing or something else."""
    for name in path:
        found = values.get(name)
        values = found if isinstance(found, dict) else {}
    return values


def _captured(manifest: Mapping[str, Any], gps: Mapping[str, Any]) -> float | None:
    """When the recording began: by GPS, or else by the container, in seconds since 1970.

    A time without offset from UTC is that of the camera's clock; it is read as UTC.
    """
    began, first = _posix(gps.get("began")), gps.get("first_s")
    if began is not None:
        # Media time is real time, except in TimeWarp, time-lapse and slow motion.
        before = first if isinstance(first, int | float) and gps.get("clock") != "GPS time" else 0.0
        return began - before
    return _posix(manifest.get("created"))


def _posix(text: object) -> float | None:
    """An ISO 8601 time in seconds since 1970; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text + _DATE_LENGTHS.get(len(text), ""))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _rate(text: object) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        return float(parse_rational(text))
    except (ValueError, ArithmeticError):
        return None


def _device(device: Mapping[str, Any]) -> str | None:
    """Maker and model as the container names them; the model alone if it starts with the maker."""
    make, model = (str(device.get(name) or "") for name in ("make", "model"))
    return (model if model.startswith(make) else f"{make} {model}".strip()) or None


def _box(box: object, location: Mapping[str, Any]) -> dict[str, Any]:
    """The bounding box of the track, or else the point of the container's location."""
    match box:
        case [west, south, east, north]:
            pass
        case _:
            west = east = location.get("longitude")
            south = north = location.get("latitude")
    return {"min_lat": south, "min_lon": west, "max_lat": north, "max_lon": east}


def _size_of_renditions(manifest: Mapping[str, Any]) -> int | None:
    """For manifests up to version 2, which do not have the size of all files."""
    renditions = manifest.get("renditions")
    if not isinstance(renditions, list):
        return None
    sizes = [each.get("bytes") for each in renditions if isinstance(each, dict)]
    return sum(size for size in sizes if type(size) is int)
