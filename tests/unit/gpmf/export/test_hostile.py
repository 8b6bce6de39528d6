"""Telemetry that a lenient reader gets from damaged bytes can be exported, or is rejected with an error."""

from __future__ import annotations

import io
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from eddyline import gpmf
from eddyline.core.errors import EddylineError
from eddyline.gpmf import export

RideBuilder = Callable[..., gpmf.Telemetry]
SELECTIONS = (
    export.Selection(),
    export.Selection(rate_hz=7.0, start_s=0.5, end_s=1.5, turned=True),
    export.Selection(fix=2, max_dop=5.0, rate_hz=200.0),
)


def damage(data: bytes, seed: int) -> bytes:
    """Returns the data with some bytes changed, some numbers made extreme, and the end truncated."""
    generator = random.Random(seed)
    out = bytearray(data)
    for _ in range(generator.randrange(1, 12)):
        at = generator.randrange(len(out) - 8)
        extreme = struct.pack(">f", generator.choice([float("nan"), float("inf"), 1e38, -1e-40]))
        choices = [
            bytes([generator.randrange(256)]),
            b"\xff\xff\xff\xff",
            b"\x7f\xff\xff\xff",
            b"\0\0\0\0",
            extreme,
        ]
        replacement = generator.choice(choices)
        out[at : at + len(replacement)] = replacement
    return bytes(out[: generator.randrange(len(out) // 2, len(out) + 1)])


def export_all(telemetry: gpmf.Telemetry, folder: Path) -> int:
    """Export everything in every format; returns the number of exports."""
    count = 0
    for name, row in export.FORMATS.items():
        for number, selection in enumerate(SELECTIONS):
            out = io.BytesIO()
            try:
                if row.write_stream is not None:
                    export.save(telemetry, folder / f"{name}{number}", name, selection)
                else:
                    export.write(telemetry, out, name, selection)
            except EddylineError:
                continue
            count += 1
            if name in {"gpx", "kml", "svg"}:
                ET.fromstring(out.getvalue())  # noqa: S314 - written by the test
            if name in {"json", "geojson", "highlights"}:
                found = json.loads(out.getvalue())
                if name == "json":
                    jsonschema.validate(found, export.json_schema())
    return count


@pytest.mark.parametrize("seed", range(16))
def test_damaged_recordings_are_exported_or_rejected(ride: RideBuilder, tmp_path: Path, seed: int) -> None:
    data = damage(ride(seconds=3).payloads.data, seed)
    try:
        telemetry = gpmf.read_payloads(data, lenient=True)
    except EddylineError:
        return
    assert export_all(telemetry, tmp_path)


@pytest.mark.parametrize("name", ["gpmf/hero11.raw", "gpmf/hero6+ble.raw", "gpmf/mp4header.raw"])
def test_damaged_camera_files_are_exported_or_rejected(samples: Path, tmp_path: Path, name: str) -> None:
    data = (samples / name).read_bytes()[:60_000]
    for seed in range(3):
        try:
            telemetry = gpmf.read_payloads(damage(data, seed), lenient=True)
        except EddylineError:
            continue
        assert export_all(telemetry, tmp_path)
