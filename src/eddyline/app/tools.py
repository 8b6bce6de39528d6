"""The programs that the settings name."""

from __future__ import annotations

from eddyline import config
from eddyline.media.toolchain import Toolchain


def find_toolchain() -> Toolchain:
    """FFmpeg, ffprobe and the packager of the settings, else the wheels' own."""
    settings = config.read()
    return Toolchain.find(settings.ffmpeg, settings.ffprobe, settings.packager)
