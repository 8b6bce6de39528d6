"""Telemetry section of the page: camera, trip summary, map of the track, and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eddyline.core.formatting import format_count, format_duration, format_size
from eddyline.core.markup import Html, element, join_lines, join_words, relative_url
from eddyline.page.sections import definition_list, hash_button

_FILES = (
    ("gpx", "GPX"),
    ("geojson", "GeoJSON"),
    ("json", "JSON"),
    ("highlights", "HiLights"),
    ("payloads", "raw payloads"),
    ("udta", "camera settings"),
)
_KMH = 3.6
_KILOMETRE = 1000
_MAX_STREAMS = 8


def telemetry_section(manifest: Mapping[str, Any]) -> Html:
    """The facts on the left and the image of the track, if there is one, on the right."""
    source, telemetry = manifest["source"]["telemetry"], manifest.get("telemetry") or {}
    rows = [
        *_camera(telemetry.get("camera") or {}),
        *_trip(telemetry.get("gps") or {}),
        *_track(source, telemetry.get("streams") or {}),
    ]
    if files := _files(telemetry):
        rows.append(("Files", files))
    rows += [("Warning", warning) for warning in telemetry.get("warnings") or ()]
    missing = element("p", "The source has no telemetry track.", class_="quiet")
    facts = element("div", missing if source is None else "", definition_list(rows) if rows else "")
    return join_lines([facts, _track_image(telemetry["svg"])]) if telemetry.get("svg") else facts


def format_distance(metres: float) -> str:
    """A distance for people: "640 m", "12.3 km"."""
    return f"{metres:.0f} m" if metres < _KILOMETRE else f"{metres / _KILOMETRE:.1f} km"


def _camera(camera: Mapping[str, Any]) -> list[tuple[str, object]]:
    model, firmware = camera.get("model"), camera.get("firmware")
    if not (model or firmware):
        return []
    return [("Camera", ", ".join(filter(None, (model, firmware and f"firmware {firmware}"))))]


def _trip(gps: Mapping[str, Any]) -> list[tuple[str, object]]:
    if not gps:
        return []
    top_speed = gps["top_speed_mps"]  # unknown if all positions are imprecise
    return [
        ("GPS", f"{format_duration(gps['duration_s'])}{_start(gps.get('began'))}"),
        *_time_scale(gps),
        ("Distance", format_distance(gps["distance_m"])),
        *([] if top_speed is None else [("Top speed", f"{top_speed * _KMH:.1f} km/h")]),
        ("Altitude", _altitude(gps)),
    ]


def _time_scale(gps: Mapping[str, Any]) -> list[tuple[str, object]]:
    """How media time relates to UTC where it is not real time; early manifests do not have this."""
    if gps.get("clock") != "GPS time":
        return []
    speed = float(gps.get("speed") or 1.0)
    if speed > 1:
        return [("Time", f"TimeWarp or time-lapse, {speed:.3g} times as fast by GPS time")]
    return [("Time", f"slow motion, {speed:.3g} times by GPS time")]


def _start(utc: object) -> str:
    """The UTC of the first position to the second: ", from 2025-06-21 10:00:00 UTC"."""
    if not utc:
        return ""
    day, _, clock = str(utc).partition("T")
    return f", from {day} {clock.split('.')[0]} UTC"


def _altitude(gps: Mapping[str, Any]) -> str:
    low, high = (f"{gps[name]:.0f}".replace("-", "−") for name in ("lowest_m", "highest_m"))  # noqa: RUF001 - a minus sign
    reference = "sea level" if gps["altitude_reference"] == "mean sea level" else "the ellipsoid"
    return f"{low} m above {reference}" if low == high else f"{low} to {high} m above {reference}"


def _track(
    source: Mapping[str, Any] | None, streams: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, object]]:
    if source is None:
        return []
    rows: list[tuple[str, object]] = []
    if streams:
        fastest = sorted(streams.items(), key=lambda item: -item[1]["samples"])
        names = ", ".join(name for name, _ in fastest[:_MAX_STREAMS])
        more = f" and {len(fastest) - _MAX_STREAMS} more" if len(fastest) > _MAX_STREAMS else ""
        rows.append(("Streams", f"{names}{more}"))
    extent = f"gpmd, {format_count(source['payloads'], 'payload')}, {format_size(source['bytes'])}"
    kept = element("span", f"{extent}, in every MP4")
    return [*rows, ("Track", join_words(kept, hash_button(source["sha256"])))]


def _files(telemetry: Mapping[str, Any]) -> Html | None:
    links = [
        element("a", name, href=relative_url(telemetry[key]), download=True)
        for key, name in _FILES
        if telemetry.get(key)
    ]
    return element("span", join_lines(links), class_="files") if links else None


def _track_image(path: str) -> Html:
    """The SVG as an image element, in which no script of the file can run."""
    text = "The track, colored by speed"
    image = element("img", src=relative_url(path), alt=text, loading="lazy")
    return element("a", image, href=relative_url(path), class_="track", title=text)
