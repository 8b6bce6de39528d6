"""Writes the highlights of recordings as a reel.

Each segment is trimmed to the frame, with its telemetry to the sample, and the segments are joined, by the
same code as `eddyline trim` and `eddyline merge`. Compressed audio is encoded again in one piece, or replaced
by music, with the code of `eddyline combine`. Each of these reads back and verifies what it wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import InputError, UnsupportedError, UsageError
from eddyline.core.files import translate_errors
from eddyline.core.processes.runner import Runner
from eddyline.edit.combine.combine import CombineRequest, combine
from eddyline.edit.merge.merge import join_chapters
from eddyline.edit.reel.compatible import require_joinable
from eddyline.edit.reel.cuts import Cut
from eddyline.edit.reel.joined_audio import write_joined_audio
from eddyline.edit.reel.music import write_faded_music
from eddyline.edit.reel.search import Found, HighlightRequest, Highlights, search
from eddyline.edit.trim.time_values import TimeValue
from eddyline.edit.trim.trim import Trimmed, TrimRequest, trim
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges


@dataclass(frozen=True, kw_only=True, eq=False)
class Reel:
    """A written reel: its highlights, and how the frames of each cut were written."""

    path: Path
    highlights: Highlights
    trimmed: tuple[Trimmed, ...]

    @property
    def frames(self) -> int:
        """The number of frames."""
        return sum(each.last - each.first for each in self.trimmed)

    @property
    def encoded(self) -> int:
        """The number of frames that were encoded; the others were copied."""
        return sum(each.encoded for each in self.trimmed)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"path": str(self.path), "frames": self.frames, "encoded": self.encoded} | (
            self.highlights.to_json()
        )


def make_reel(
    sources: Sequence[Path],
    out: Path,
    request: HighlightRequest,
    *,
    tools: Toolchain,
    runner: Runner | None = None,
) -> Reel:
    """Write the highlights of the recordings to `out`, which appears only after it is verified.

    Raises:
        InputError: no highlights were found, or the recordings cannot be joined.
        UsageError, UnsupportedError, ProofError, ToolError, TransientError: as elsewhere.
    """
    runner = runner or Runner()
    inputs = [*sources, *([request.music] if request.music else [])]
    if out.exists() and any(each.exists() and out.samefile(each) for each in inputs):
        raise UsageError("the reel would replace a source", remedy="pass another name with --out")
    with translate_errors(f"writing {out.name}"), atomic_output(out) as output:
        found = search(sources, request, work=output.work, tools=tools, runner=runner)
        if not found.highlights.cuts:
            raise InputError(
                "no highlights were found: the recordings have neither HiLights nor events",
                remedy="`eddyline highlights --json` lists what was read; `eddyline trim` cuts by time",
            )
        trimmed = _write(found, output.file, output.work, tools, runner)
        return Reel(path=out, highlights=found.highlights, trimmed=trimmed)


def _write(found: Found, out: Path, work: Path, tools: Toolchain, runner: Runner) -> tuple[Trimmed, ...]:
    """Write the reel to `out`; returns how each cut was written."""
    cuts = found.highlights.cuts
    used = sorted({cut.segment.source for cut in cuts})
    require_joinable([found.files[each] for each in used], [found.sources[each].name for each in used])
    parts = [work / f"part-{number:03}{out.suffix}" for number in range(len(cuts))]
    trimmed = tuple(_trim(found, cut, part, tools, runner) for cut, part in zip(cuts, parts, strict=True))
    joined = parts[0]
    if len(parts) > 1:
        joined = work / f"joined{out.suffix}"
        join_chapters(parts, joined, check=runner.stop.check)
    audio = _new_audio(found, parts, joined, work, tools, runner)
    if audio:
        combine(joined, out, CombineRequest(audio=audio, replace=True), tools=tools, runner=runner)
    else:
        joined.replace(out)
    return trimmed


def _trim(found: Found, cut: Cut, part: Path, tools: Toolchain, runner: Runner) -> Trimmed:
    """Write the frames of one cut."""
    start, stop = TimeValue(frame=cut.start), TimeValue(frame=cut.stop)
    request = TrimRequest(start=start, end=stop, joinable=True)
    try:
        return trim(found.files[cut.segment.source], part, request, tools=tools, runner=runner)
    except UnsupportedError as error:
        name = found.sources[cut.segment.source].name
        raise UnsupportedError(
            f"{name}: {error.message}", remedy="transcode it first (`eddyline run`), then use a rendition"
        ) from error


def _new_audio(
    found: Found, parts: Sequence[Path], joined: Path, work: Path, tools: Toolchain, runner: Runner
) -> tuple[Path, ...]:
    """Write the audio that replaces that of `joined`: the music, or its own, without edits at the joins."""
    if found.music is not None:
        music = work / "Music.wav"
        length_s = found.highlights.length_s
        write_faded_music(found.music.path, music, length_s, tools=tools, runner=runner)
        return (music,)
    with FileRanges(joined) as source:
        tracks = read_movie(source).tracks_of_kind("audio")
    if all(sum(edit.media_time >= 0 for edit in track.edits) <= 1 for track in tracks):
        return ()
    bounds = [found.highlights.bounds_s(cut) for cut in found.highlights.cuts]
    lengths = [end_s - start_s for start_s, end_s in bounds]
    files = tuple(work / f"Audio {number}.wav" for number in range(1, len(tracks) + 1))
    for number, file in enumerate(files):
        write_joined_audio(parts, lengths, number, file, tools=tools, runner=runner)
    return files
