"""Opens a source as MP4: an MP4 is read where it is stored, anything else is remuxed once.

FFmpeg reads local files only. A source in a store that is not MP4 is therefore downloaded once, as a stream,
to the scratch directory of the job that remuxes it; all later jobs read the remuxed file by ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from eddyline.core.processes.runner import Runner
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

_REQUEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Mp4Source:
    """An open source and its index. `container` is the source's own, `remuxed` the MP4 that was made of it.

    `left_out` is what remuxing left out, `codec` the video codec before it. `subtitles` are those of a source
    that was remuxed; they are in the MP4 as well, but there FFmpeg ends each cue where the next one starts.
    """

    src: Ranges
    movie: Movie
    container: str
    remuxed: Path | None = None
    codec: str = ""
    left_out: tuple[LeftOut, ...] = ()
    subtitles: ExtractedText | None = None

    @property
    def subtitle_facts(self) -> tuple[SubtitleFacts, ...] | None:
        """The subtitle tracks of a source that was remuxed; None if the index of the MP4 lists them."""
        return None if self.subtitles is None else self.subtitles.facts

    @property
    def chapters(self) -> tuple[tuple[Fraction, str], ...] | None:
        """The chapters of a source that was remuxed; None if the index of the MP4 lists them."""
        return None if self.subtitles is None else self.subtitles.chapters


@contextmanager
def open_as_mp4(
    original: SourceFile, *, work: Path, runner: Runner, tools: Toolchain, read_counter: ReadCounter
) -> Iterator[Mp4Source]:
    """Open a source, remuxed into the directory `work` if it is neither MP4 nor MOV.

    Raises `InputError` (its reason says what is wrong with the source), `UnsupportedError`, `MissingError`.
    """
    with original.open() as src, read_counter.counting(src):
        container = detect_container(src.read(0, min(HEAD_BYTES, src.size)))
        if container in {"mp4", "mov"}:
            yield Mp4Source(src=src, movie=_read_index(src), container=container)
            return
        path = original.path or download(src, work / "fetched", check=runner.stop.check)
    remuxed = work / "remuxed.mp4"
    result = remux_to_mp4(path, remuxed, runner=runner, tools=tools)
    subtitles = extract_text(path, work, tools=tools, runner=runner)
    if original.path is None:
        path.unlink()
    with FileRanges(remuxed) as src, read_counter.counting(src):
        yield Mp4Source(
            src=src,
            movie=_read_index(src),
            container=container,
            remuxed=remuxed,
            codec=result.codec,
            left_out=(*result.left_out, *subtitles.left_out),
            subtitles=subtitles,
        )


def _read_index(src: Ranges) -> Movie:
    movie = read_movie(src)
    main_video(movie)  # raises if no video track can be processed
    return movie


def local_copy(
    original: SourceFile, out: Path, *, check: Callable[[], None], read_counter: ReadCounter
) -> Path:
    """The source as a local file; an object of a store is downloaded to `out`.

    `check` is called between reads, and may raise to stop the download.
    """
    if original.path is not None:
        original.check()
        return original.path
    with original.open() as src, read_counter.counting(src):
        return download(src, out, check=check)


def download(src: Ranges, out: Path, *, check: Callable[[], None]) -> Path:
    """Write the whole source to the file `out`, with a few requests' bytes in memory at a time."""
    spans = [(at, min(_REQUEST_BYTES, src.size - at)) for at in range(0, src.size, _REQUEST_BYTES)]
    with out.open("wb") as file:
        for data in read_spans(src, spans):
            check()
            file.write(data)
    return out
