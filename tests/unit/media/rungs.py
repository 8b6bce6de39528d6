"""A 1080p rung with settings like those of the default profile."""

from __future__ import annotations

from eddyline.media.ladder.ladder import Rung

RUNG_1080 = Rung(
    name="1080p",
    codec="h264",
    encoder="libx264",
    width=1920,
    height=1080,
    crf=23,
    preset="veryfast",
    maxrate_kbps=6000,
    bufsize_kbps=12000,
    pixel_format="yuv420p",
    level="4.0",
)
