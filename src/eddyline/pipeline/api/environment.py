"""What the functions of the Python API read from the environment: settings, programs, access to buckets."""

from __future__ import annotations

from eddyline import config
from eddyline.media.toolchain import Toolchain
from eddyline.store.open_store import BUCKETS
from eddyline.store.store_settings import StoreSettings


def read_settings() -> config.Settings:
    """The settings of the environment; sources in buckets are read as they say."""
    settings = config.read()
    BUCKETS.configure(StoreSettings(allow_http=settings.allow_http))
    return settings


def find_toolchain(settings: config.Settings) -> Toolchain:
    """The external programs of the settings."""
    return Toolchain.find(settings.ffmpeg, settings.ffprobe, settings.packager)
