"""Recordings to edit: a generated clip, copies with chapter names, and a file written by FFmpeg."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from eddyline.pipeline.demo_clip import make_clip

CopyChapters = Callable[[Path, int], list[Path]]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with B-frames, primed AAC, telemetry, HiLights and a location."""
    return make_clip(tmp_path_factory.mktemp("edit") / "clip.mp4", seconds=2, width=160, height=90)


@pytest.fixture
def copy_chapters(tmp_path: Path) -> CopyChapters:
    """Returns copy_chapters(source, count): `count` copies with chapter names (GX010042.MP4 and so on)."""

    def copy(source: Path, count: int) -> list[Path]:
        copies = [tmp_path / f"GX{number:02d}0042.MP4" for number in range(1, count + 1)]
        for path in copies:
            shutil.copyfile(source, path)
        return copies

    return copy


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Path:
    """One second of H.264 and AAC written by FFmpeg: the index follows the media, and no location."""
    out = tmp_path_factory.mktemp("plain") / "plain.mp4"
    argv = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=1", "-f", "lavfi", "-i"]
    argv += [
        "sine=997:d=1",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-g",
        "15",
        "-bf",
        "2",
        "-c:a",
        "aac",
        str(out),
    ]
    subprocess.run(argv, check=True)
    return out
