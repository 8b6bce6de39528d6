"""Telemetry from elsewhere (raw payloads, or another movie's track) as a track beside a picture."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from eddyline import gpmf
from eddyline.core.errors import InputError, ProofError
from eddyline.edit.track_range import round_half_up
from eddyline.gpmf.edit.hilight_window import cut_hilights
from eddyline.gpmf.edit.window import cut_telemetry
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.movie import Edit
from eddyline.mp4.write.output_track import OutputTrack, Piece

_TIMESCALE = 90_000
_MS = Fraction(1, 1000)


@dataclass(frozen=True, kw_only=True, eq=False)
class ExternalTelemetry:
    """The track to write, its payloads, and what else the file held of the camera (raw udta boxes)."""

    out: OutputTrack
    payloads: tuple[bytes, ...]
    cut: bool
    udta: bytes


def brought(
    path: Path, *, offset: Fraction, length: Fraction, timescale: int, work: Path
) -> ExternalTelemetry:
    """The telemetry of `path`, later by `offset` seconds, beside a picture of `length` seconds.

    Payloads are kept byte for byte where they begin within the picture; where a payload and more lie outside,
    the telemetry is cut to it, to the sample. Raises `GpmfError`, `InputError` (nothing lies beside it).
    """
    found = gpmf.read(path)
    times = found.payloads
    if not len(times):
        raise InputError(f"{path.name} has no telemetry track", remedy="give a camera's MP4 or raw payloads")
    blocks: list[bytes] = [found.source.payloads[at] for at in range(len(times))]
    spans = [(at, at) for at in range(len(times))]
    begins = [_exact(each) + offset for each in times.start_s.tolist()]
    ends = [_exact(each) + offset for each in times.end_s.tolist()]
    outside = begins[0] < -_MS or begins[-1] >= length
    if outside:
        cut = cut_telemetry(found, float(-offset), float(length - offset))
        blocks, spans = list(cut.payloads), list(cut.spans)
    if not blocks:
        raise InputError(
            f"nothing of the telemetry of {path.name} lies beside the picture", remedy="give another offset"
        )
    at = [round_half_up(max(begins[low], Fraction(0)) * _TIMESCALE) for low, _ in spans]
    stop = round_half_up(min(ends[spans[-1][1]], length) * _TIMESCALE)
    raw = work / "brought"
    raw.write_bytes(b"".join(blocks))
    size = np.array([len(each) for each in blocks], np.int64)
    duration = np.array([*at[1:], max(stop, at[-1] + 1)], np.int64) - np.array(at, np.int64)
    edits: tuple[Edit, ...] = ()
    if at[0]:
        late = round_half_up(Fraction(at[0], _TIMESCALE) * timescale)
        whole = round_half_up(Fraction(int(duration.sum()), _TIMESCALE) * timescale)
        edits = (Edit(media_time=-1, duration=late), Edit(media_time=0, duration=whole))
    entry = make_box("gpmd", bytes(6), struct.pack(">H", 1), bytes(4))
    out = OutputTrack(
        handler="meta",
        name="GoPro MET",  # readers look for this very name
        timescale=_TIMESCALE,
        stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), entry),
        media_header=make_box("gmhd", make_full_box("gmin", 0, 0, bytes(12)), make_box("gpmd", bytes(4))),
        pieces=(Piece(source=raw, offset=np.cumsum(size) - size, size=size),),
        duration=duration,
        edits=edits,
    )
    return ExternalTelemetry(
        out=out, payloads=tuple(blocks), cut=outside, udta=_marks(found.source.udta, offset, length)
    )


def prove(path: Path, made: ExternalTelemetry) -> int:
    """Read the telemetry of a written file back; its payloads. Raises `ProofError`."""
    found = gpmf.read(path, lenient=True)
    stored = found.source.payloads
    if tuple(stored[at] for at in range(len(stored))) != made.payloads:
        raise ProofError(f"{path.name}: the telemetry's payloads are not those that were brought")
    return len(made.payloads)


def _marks(udta: bytes, offset: Fraction, length: Fraction) -> bytes:
    """The udta with its HiLights moved like the telemetry."""
    return cut_hilights(udta, float(-offset) * 1000, float(length - offset) * 1000)


def _exact(seconds: float) -> Fraction:
    """A payload's time, which cameras give in thousandths or video ticks, as a plain fraction."""
    return Fraction(seconds).limit_denominator(1_000_000)
