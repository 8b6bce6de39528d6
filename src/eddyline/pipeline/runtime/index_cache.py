"""Keeps the last few MP4 indexes in memory, so that a hundred chunks of one source read its index once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock

from eddyline.media.quality.windows import SourceVideo
from eddyline.media.source.eac_pair import SecondTrack, read_second_track
from eddyline.media.source.open_source import main_video
from eddyline.media.source.source import VideoFacts
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation

_CAPACITY = 4  # the index of a one-hour file has about 10 MB


@dataclass(frozen=True, kw_only=True)
class IndexedSource:
    """An open MP4 with its index; `track` is the video track that is processed.

    `second` is the second track of 360-degree video in two tracks (`eac_pair`).
    """

    src: ByteRanges
    movie: Movie
    track: Track
    presentation: Presentation
    second: SecondTrack | None = None

    def video(self, facts: VideoFacts) -> SourceVideo:
        """The video as the measurement of quality reads it."""
        return SourceVideo(
            src=self.src,
            movie=self.movie,
            track=self.track,
            shown=self.presentation,
            facts=facts,
            second=self.second,
        )


class IndexCache:
    """The last few indexes. Safe from any thread."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, src: ByteRanges) -> IndexedSource:
        """The index of an open MP4; equal keys mean equal bytes.

        Raises `Mp4Error`, or `InputError` if no video track can be processed.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > _CAPACITY:
                self._entries.popitem(last=False)
        with entry.lock:  # one thread reads the index; others wait only for an index of the same source
            if entry.index is None:
                movie = read_movie(src)
                track = main_video(movie)
                shown = build_presentation(movie, track)
                entry.index = (movie, track, shown, read_second_track(movie, track, shown))
            movie, track, shown, second = entry.index
        return IndexedSource(src=src, movie=movie, track=track, presentation=shown, second=second)


class _Entry:
    """The index of one source, or None until it has been read."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.index: tuple[Movie, Track, Presentation, SecondTrack | None] | None = None
