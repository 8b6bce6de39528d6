"""A source as it arrives: an MP4 is read where it lies, all else is rewrapped first, once.

FFmpeg reads local files alone. So what is no MP4 and lies in a store is fetched once, as a stream, into the
scratch folder of the job that rewraps it; every later job reads the rewrapped one by ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from eddyline.core.process import Runner
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.open_source import main_video
from eddyline.media.source.remux import remux_to_mp4
from eddyline.media.source.sniff import HEAD_BYTES, detect_container
from eddyline.media.source.source import SubtitleFacts
from eddyline.media.subtitles.source_tracks import ExtractedText, extract_text
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.byte_ranges import read_spans
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.pipeline.runtime.read_counter import ReadCounter
from eddyline.pipeline.runtime.source_files import SourceFile
from eddyline.store.ranges import FileRanges, Ranges

_PART = 4 * 1024 * 1024  # bytes of one request


@dataclass(frozen=True, kw_only=True)
class Mp4Source:
    """An open source and its index. `container` is what came in, `wrapped` the MP4 that was made of it.

    `left_out` is what rewrapping left out, `codec` the video codec of the source that was rewrapped.
    `subtitles` are those of a source that was rewrapped; they are in the MP4 as well, but there FFmpeg ends
    each cue where the next one begins.
    """

    src: Ranges
    movie: Movie
    container: str
    wrapped: Path | None = None
    codec: str = ""
    left_out: tuple[LeftOut, ...] = ()
    subtitles: ExtractedText | None = None

    @property
    def subtitle_facts(self) -> tuple[SubtitleFacts, ...] | None:
        """The subtitles of a source that was rewrapped; None where the index of the MP4 tells."""
        return None if self.subtitles is None else self.subtitles.facts

    @property
    def own_chapters(self) -> tuple[tuple[Fraction, str], ...] | None:
        """The chapters of a source that was rewrapped; None where the index of the MP4 tells."""
        return None if self.subtitles is None else self.subtitles.chapters


@contextmanager
def open_as_mp4(
    original: SourceFile, *, work: Path, runner: Runner, tools: Toolchain, read_counter: ReadCounter
) -> Iterator[Mp4Source]:
    """Open a source, rewrapped into `work` where it is neither MP4 nor MOV.

    Raises `InputError` (each kind of bad footage in its own words), `UnsupportedError`, `MissingError`.
    """
    with original.open() as src, read_counter.counting(src):
        container = detect_container(src.read(0, min(HEAD_BYTES, src.size)))
        if container in {"mp4", "mov"}:
            movie = read_movie(src)
            main_video(movie)
            yield Mp4Source(src=src, movie=movie, container=container)
            return
        local_copy = original.path or download(src, work / "fetched", check=runner.stop.check)
    wrapped = work / "remuxed.mp4"
    rewrapped = remux_to_mp4(local_copy, wrapped, runner=runner, tools=tools)
    subtitles = extract_text(local_copy, work, tools=tools, runner=runner)
    if original.path is None:
        local_copy.unlink()
    with FileRanges(wrapped) as src, read_counter.counting(src):
        movie = read_movie(src)
        main_video(movie)
        yield Mp4Source(
            src=src,
            movie=movie,
            container=container,
            wrapped=wrapped,
            codec=rewrapped.codec,
            left_out=(*rewrapped.left_out, *subtitles.left_out),
            subtitles=subtitles,
        )


def local_copy(
    original: SourceFile, out: Path, *, check: Callable[[], None], read_counter: ReadCounter
) -> Path:
    """The source as a local file, fetched as `out` where it lies elsewhere.

    `check` is asked now and then while it is fetched, and may raise, to stop.
    """
    if original.path is not None:
        original.check()
        return original.path
    with original.open() as src, read_counter.counting(src):
        return download(src, out, check=check)


def download(src: Ranges, out: Path, *, check: Callable[[], None]) -> Path:
    """The whole source as the local file `out`; a few parts of it in memory at a time."""
    spans = [(at, min(_PART, src.size - at)) for at in range(0, src.size, _PART)]
    with out.open("wb") as file:
        for data in read_spans(src, spans):
            check()
            file.write(data)
    return out
