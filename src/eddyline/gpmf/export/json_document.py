"""JSON: the whole recording in one document, a column of numbers for each element of each stream.

Its schema is telemetry.schema.json in this directory (`json_schema()`). The writer emits one column at a
time: only one column is in memory as text, never the whole document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields
from importlib.resources import files
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import orjson

from eddyline.gpmf.export.points import NoTrackError, build_points, iso_time, select_hilights
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.export.tables import Table, build_table
from eddyline.gpmf.hilights import KINDS, Hilight
from eddyline.gpmf.telemetry import Telemetry
from eddyline.gpmf.utc import UtcClock

FORMAT, VERSION = "eddyline-telemetry", 1
_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_TRACK = ("lat", "lon", "alt_m", "speed_2d", "speed_3d", "dop", "utc", "fix")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the document (draft 2020-12)."""
    text = files(__package__).joinpath("telemetry.schema.json").read_bytes()
    found: dict[str, Any] = orjson.loads(text)
    return found


def write_json(telemetry: Telemetry, selection: Selection, out: BinaryIO) -> None:
    """Write the document."""
    out.writelines(document_parts(telemetry, selection))
    out.write(b"\n")


def document_parts(telemetry: Telemetry, selection: Selection) -> Iterator[bytes]:
    """The document in parts, as it is written."""
    head = orjson.dumps(_head(telemetry, selection))
    yield head[:-1] + b',\n"streams":{'
    for number, stream in enumerate(selection.streams_of(telemetry)):
        yield (b",\n" if number else b"\n") + orjson.dumps(stream.label) + b":"
        yield from _table(build_table(telemetry, stream, selection))
    yield b'},\n"gps":'
    yield from _track(telemetry, selection)
    yield b"}"


def _head(telemetry: Telemetry, selection: Selection) -> dict[str, Any]:
    clock = telemetry.gps.clock if telemetry.gps else None
    camera = telemetry.camera
    values = {each.name: getattr(camera, each.name) for each in fields(camera)}
    return {
        "format": FORMAT,
        "version": VERSION,
        "camera": values | {"settings": dict(camera.settings)},
        "duration_s": telemetry.duration_s,
        "payloads": len(telemetry.payloads),
        "filters": selection.to_json(),
        "clock": None if clock is None else _clock(clock),
        "devices": [{"id": device.id, "name": device.name} for device in telemetry.devices],
        "highlights": [hilight_json(hilight) for hilight in select_hilights(telemetry, selection)],
        "flaws": [str(warning) for warning in telemetry.warnings],
    }


def _clock(clock: UtcClock) -> dict[str, Any]:
    """The relation of UTC to media time; if it is not linear, the readings are in `points`."""
    line = {"posix_s": clock.offset, "drift": clock.drift, "utc": _date(clock.offset)}
    out: dict[str, Any] = {**line, "rule": clock.rule, "speed": round(clock.speed, 6)}
    if clock.real_time is not None:
        t, posix = np.round(clock.real_time.times, 6), np.round(clock.real_time.posix, 3)
        out["points"] = {"t": t.tolist(), "posix_s": posix.tolist()}
    return out


def hilight_json(hilight: Hilight) -> dict[str, Any]:
    """A HiLight as JSON values; unknown values are omitted."""
    known = {key: value for key, value in asdict(hilight).items() if value is not None}
    return {**known, "meaning": KINDS.get(hilight.kind, "unknown")}


def _date(posix: float) -> str | None:
    try:
        return iso_time(posix)
    except (ValueError, OverflowError, OSError):  # a clock set to the year 60,000
        return None


def _table(found: Table) -> Iterator[bytes]:
    stream = found.stream
    head = {
        "key": stream.key,
        "name": stream.name,
        "device": stream.device.number,
        "count": found.count,
        "rate_hz": round(found.rate_hz, 6),
        "columns": [{"name": column.name, "unit": column.unit} for column in found.columns],
    }
    if found.axes:
        head["axes"] = "XYZ" if found.turned else found.axes
    yield orjson.dumps(head)[:-1] + b',\n "samples":{"t":' + _numbers(found.times)
    if found.samples is not None:
        yield b',\n  "sample":' + _numbers(found.samples)
    for column in found.columns:
        values = column.values
        text = orjson.dumps(values) if isinstance(values, list) else _numbers(values)
        yield b",\n  " + orjson.dumps(column.name) + b":" + text
    yield b"}}"


def _track(telemetry: Telemetry, selection: Selection) -> Iterator[bytes]:
    try:
        found = build_points(telemetry, selection)
    except NoTrackError:
        yield b"null"
        return
    label = telemetry.gps.stream.label if telemetry.gps else ""
    head = {"stream": label, "altitude_reference": found.altitude_reference}
    yield orjson.dumps(head)[:-1] + b',\n "samples":{"t":' + _numbers(found.times)
    for name in _TRACK:
        yield b',\n  "' + name.encode() + b'":' + _numbers(getattr(found, name))
    yield b"}}"


def _numbers(values: npt.NDArray[np.generic]) -> bytes:
    """A JSON list; NaN becomes null."""
    return orjson.dumps(np.ascontiguousarray(values), option=_NUMPY)
