"""Adds telemetry from another file (raw payloads, or a movie's track) as a track of a video."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from eddyline import gpmf
from eddyline.core.errors import InputError, ProofError
from eddyline.core.timebase import round_half_up
from eddyline.gpmf.edit.hilight_window import cut_hilights
from eddyline.gpmf.edit.window import cut_telemetry
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.movie import Edit
from eddyline.mp4.write.output_track import OutputTrack, Piece

_TIMESCALE = 90_000
_MS = Fraction(1, 1000)


@dataclass(frozen=True, kw_only=True, eq=False)
class ExternalTelemetry:
    """The track to write, its payloads, and the camera's user data (raw udta boxes)."""

    out: OutputTrack
    payloads: tuple[bytes, ...]
    cut: bool
    udta: bytes


def read_external_telemetry(
    path: Path, *, offset: Fraction, length: Fraction, timescale: int, work: Path
) -> ExternalTelemetry:
    """Read the telemetry of `path` and delay it by `offset` seconds, for a video of `length` seconds.

    If all payloads start within the video, they are kept byte for byte; otherwise the telemetry is cut to the
    video, exact to the sample. Raises `GpmfError`, or `InputError` if it does not overlap the video.
    """
    found = gpmf.read(path)
    times = found.payloads
    if not len(times):
        raise InputError(f"{path.name} has no telemetry track", remedy="pass a camera's MP4 or raw payloads")
    blocks: list[bytes] = [found.source.payloads[at] for at in range(len(times))]
    spans = [(at, at) for at in range(len(times))]
    starts = [_to_fraction(each) + offset for each in times.start_s.tolist()]
    ends = [_to_fraction(each) + offset for each in times.end_s.tolist()]
    outside = starts[0] < -_MS or starts[-1] >= length
    if outside:
        cut = cut_telemetry(found, float(-offset), float(length - offset))
        blocks, spans = list(cut.payloads), list(cut.spans)
    if not blocks:
        raise InputError(
            f"the telemetry of {path.name} does not overlap the video", remedy="pass another offset"
        )
    at = [round_half_up(max(starts[low], Fraction(0)) * _TIMESCALE) for low, _ in spans]
    stop = round_half_up(min(ends[spans[-1][1]], length) * _TIMESCALE)
    raw = work / "external-telemetry"
    raw.write_bytes(b"".join(blocks))
    size = np.array([len(each) for each in blocks], np.int64)
    duration = np.array([*at[1:], max(stop, at[-1] + 1)], np.int64) - np.array(at, np.int64)
    edits: tuple[Edit, ...] = ()
    if at[0]:
        delay = round_half_up(Fraction(at[0], _TIMESCALE) * timescale)
        total = round_half_up(Fraction(int(duration.sum()), _TIMESCALE) * timescale)
        edits = (Edit(media_time=-1, duration=delay), Edit(media_time=0, duration=total))
    entry = make_box("gpmd", bytes(6), struct.pack(">H", 1), bytes(4))
    out = OutputTrack(
        handler="meta",
        name="GoPro MET",  # readers look for this name
        timescale=_TIMESCALE,
        stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), entry),
        media_header=make_box("gmhd", make_full_box("gmin", 0, 0, bytes(12)), make_box("gpmd", bytes(4))),
        pieces=(Piece(source=raw, offset=np.cumsum(size) - size, size=size),),
        duration=duration,
        edits=edits,
    )
    return ExternalTelemetry(
        out=out, payloads=tuple(blocks), cut=outside, udta=_cut_hilights(found.source.udta, offset, length)
    )


def verify_telemetry(path: Path, expected: ExternalTelemetry) -> int:
    """Read the telemetry of a written file back; returns the number of payloads. Raises `ProofError`."""
    found = gpmf.read(path, lenient=True)
    stored = found.source.payloads
    if tuple(stored[at] for at in range(len(stored))) != expected.payloads:
        raise ProofError(f"{path.name}: the telemetry payloads differ from those added")
    return len(expected.payloads)


def _cut_hilights(udta: bytes, offset: Fraction, length: Fraction) -> bytes:
    """Cut and shift the HiLights of the user data like the telemetry."""
    return cut_hilights(udta, float(-offset) * 1000, float(length - offset) * 1000)


def _to_fraction(seconds: float) -> Fraction:
    """Return a payload time as a fraction; cameras use milliseconds or video ticks."""
    return Fraction(seconds).limit_denominator(1_000_000)
