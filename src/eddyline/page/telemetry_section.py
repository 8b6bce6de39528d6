"""What the camera recorded beside the picture: who filmed, how far and how fast it went, and the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eddyline.core.formatting import format_count, format_duration, format_size
from eddyline.page.markup import Html, element, join_lines, relative_url
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
_MOST_STREAMS = 8


def telemetry(manifest: Mapping[str, Any]) -> Html:
    """Facts on the left, a picture of the track on the right, where there is one."""
    told, kept = manifest["source"]["telemetry"], manifest.get("telemetry") or {}
    rows = [
        *_camera(kept.get("camera") or {}),
        *_way(kept.get("gps") or {}),
        *_track(told, kept.get("streams") or {}),
    ]
    if files := _files(kept):
        rows.append(("Files", files))
    rows += [("Warning", warning) for warning in kept.get("warnings") or ()]
    missing = element("p", "The source has no telemetry track.", class_="quiet") if told is None else Html("")
    facts = element("div", missing, definition_list(rows) if rows else Html(""))
    return join_lines([facts, _picture(kept["svg"])]) if kept.get("svg") else facts


def format_distance(metres: float) -> str:
    """A distance as people read it: "640 m", "12.3 km"."""
    return f"{metres:.0f} m" if metres < _KILOMETRE else f"{metres / _KILOMETRE:.1f} km"


def _camera(camera: Mapping[str, Any]) -> list[tuple[str, object]]:
    model, firmware = camera.get("model"), camera.get("firmware")
    if not (model or firmware):
        return []
    return [("Camera", ", ".join(filter(None, (model, firmware and f"firmware {firmware}"))))]


def _way(gps: Mapping[str, Any]) -> list[tuple[str, object]]:
    if not gps:
        return []
    return [
        ("GPS", f"{format_duration(gps['duration_s'])}{_since(gps.get('began'))}"),
        *_pace(gps),
        ("Distance", format_distance(gps["distance_m"])),
        ("Top speed", f"{gps['top_speed_mps'] * _KMH:.1f} km/h"),
        ("Altitude", _altitude(gps)),
    ]


def _pace(gps: Mapping[str, Any]) -> list[tuple[str, object]]:
    """How media time runs against UTC, where it is not real time; manifests of before do not say."""
    if gps.get("clock") != "GPS time":
        return []
    speed = float(gps.get("speed") or 1.0)
    about = (
        f"TimeWarp or time-lapse, {speed:.3g} times as fast"
        if speed > 1
        else f"slow motion, {speed:.3g} times"
    )
    return [("Time", f"{about} by GPS time")]


def _since(began: object) -> str:
    """The first position's UTC to the second: "2025-06-21T10:00:00.000Z" reads as people write it."""
    if not began:
        return ""
    day, _, clock = str(began).partition("T")
    return f", from {day} {clock.split('.')[0]} UTC"


def _altitude(gps: Mapping[str, Any]) -> str:
    low, high = (f"{gps[name]:.0f}".replace("-", "−") for name in ("lowest_m", "highest_m"))  # noqa: RUF001 - a minus sign
    sea = "the sea" if gps["altitude_reference"] == "mean sea level" else "the ellipsoid"
    return f"{low} m above {sea}" if low == high else f"{low} to {high} m above {sea}"


def _track(
    told: Mapping[str, Any] | None, streams: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, object]]:
    if told is None:
        return []
    rows: list[tuple[str, object]] = []
    if streams:
        fastest = sorted(streams.items(), key=lambda item: -item[1]["samples"])
        named = ", ".join(name for name, _ in fastest[:_MOST_STREAMS])
        more = f" and {len(fastest) - _MOST_STREAMS} more" if len(fastest) > _MOST_STREAMS else ""
        rows.append(("Streams", f"{named}{more}"))
    kept = f"gpmd, {format_count(told['payloads'], 'payload')}, {format_size(told['bytes'])}, in every MP4 "
    return [*rows, ("Track", Html(f"{element('span', kept)}{hash_button(told['sha256'])}"))]


def _files(kept: Mapping[str, Any]) -> Html | None:
    links = [
        element("a", heading, href=relative_url(kept[name]), download=True)
        for name, heading in _FILES
        if kept.get(name)
    ]
    return element("span", join_lines(links), class_="files") if links else None


def _picture(path: str) -> Html:
    """As an image: whatever the file holds, nothing in it can run."""
    picture = element("img", src=relative_url(path), alt="The track, coloured by speed", loading="lazy")
    return element(
        "a", picture, href=relative_url(path), class_="track", title="The track, coloured by speed"
    )
