"""Rungs and probes for the tests of the CRF search."""

from __future__ import annotations

from math import exp

from eddyline.media.crf_search.probe import Probe
from eddyline.media.ladder.ladder import Rung


def rung(height: int, *, crf: float = 22, codec: str = "h264", encoder: str = "libx264") -> Rung:
    """A rung of 16:9."""
    return Rung(
        name=f"{height}p",
        codec=codec,
        encoder=encoder,
        width=2 * round(height * 8 / 9),
        height=height,
        crf=crf,
        preset="veryfast",
        maxrate_kbps=5000,
        bufsize_kbps=10_000,
        pixel_format="yuv420p",
        family=codec,
    )


def probe(crf: float, *, loss_at_22: float, chunk: int = 0, start: int = 0, growth: float = 0.14) -> Probe:
    """A probe of four equal frames whose loss at CRF 22 is given; the usual `growth` is that of H.264."""
    loss = loss_at_22 * exp(growth * (crf - 22))
    return Probe(
        chunk=chunk,
        start=start,
        crf=crf,
        vmaf=(100 - loss,) * 4,
        key_bits=80_000,
        frame_bits=round(20_000 * exp(-0.13 * (crf - 22))),
    )
