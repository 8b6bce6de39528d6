"""Types of the fixtures in this directory, and a file in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eddyline.mp4.movie import Movie, Track
from eddyline.store.ranges import FileRanges


@dataclass(frozen=True, kw_only=True)
class Clip:
    """An opened file with its index."""

    path: Path
    source: FileRanges
    movie: Movie

    @property
    def video(self) -> Track:
        track = self.movie.first_track("video")
        assert track is not None
        return track


class Bytes:
    """A file in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        assert 0 <= offset <= offset + length <= self.size, "read outside the file"
        return self.data[offset : offset + length]


Make = Callable[[str], Path]
Open = Callable[[Path], Clip]
Edited = Callable[..., Path]
Frames = Callable[..., list[tuple[int, str]]]
Run = Callable[..., str]
