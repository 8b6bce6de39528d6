"""Finds the external programs."""

from __future__ import annotations

from eddyline import config
from eddyline.media.toolchain import Toolchain


def find_toolchain() -> Toolchain:
    """FFmpeg, ffprobe and the packager of the settings, by default those of the wheels."""
    settings = config.read()
    return Toolchain.find(settings.ffmpeg, settings.ffprobe, settings.packager)
