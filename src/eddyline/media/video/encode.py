"""One chunk, decoded once and encoded for every rung: exact to the frame, and the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import EddylineError, InputError, ProofError, ToolError
from eddyline.core.files import translate_errors
from eddyline.core.process import Limits, Runner
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.encoder_options import encoder_options
from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.ffprobe import classify_tool_error
from eddyline.media.source.missing_frames import find_missing_frames
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video import filters
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import Slice
from eddyline.store.ranges import FileRanges

# Wall-clock seconds allowed for each estimated CPU second: a machine may be slow and busy, but not for ever.
_PATIENCE, _PATIENCE_FLOOR_S = 30, 120.0
# Address space: the program with its threads' stacks, and what lookahead and references take for each pixel.
_MOST_NAMED = 8  # frames in a message
_MEMORY_BASE, _MEMORY_SOURCE, _MEMORY_RUNG = 3 * 1024**3, 150, 800


@dataclass(frozen=True, kw_only=True)
class EncodedChunk:
    """One rung of one chunk: an MP4 of one video track with `frames` frames, `bytes` long."""

    rung: str
    path: Path
    frames: int
    bytes: int


def decode_arguments(
    piece: Slice, facts: VideoFacts, rungs: Sequence[Rung], grid: Grid, tools: Toolchain, threads: int = 1
) -> tuple[str, ...]:
    """The first half of the command: the slice's frames as `[v0]`, `[v1]`, ... for the outputs to map."""
    return (
        str(tools.ffmpeg),
        *FFMPEG_BASE,
        "-y",
        *("-threads", str(threads)),
        # The slice's times as they are: trim counts in them. Rotation is done by our own filters, once.
        *("-copyts", "-noautorotate", "-an", "-sn", "-dn"),
        # A filter graph that is configured again where the size changes would count its frames from 0 again.
        *("-reinit_filter", "0"),
        *input_args(piece.path),
        *("-filter_complex_threads", str(threads)),
        *("-filter_complex", filters.filter_graph(piece, facts, rungs, grid)),
    )


def encode_command(
    piece: Slice,
    facts: VideoFacts,
    rungs: Sequence[Rung],
    grid: Grid,
    tools: Toolchain,
    outs: Sequence[Path],
    threads: int = 1,
) -> tuple[str, ...]:
    """The whole command that encodes one slice into `outs`, one MP4 a rung, in the order of `rungs`.

    One thread each for decoder, filters and encoders by default: chunks run side by side, and threads inside
    of them only cost (0.94 of the CPU time of one command with default threads). Progress on standard output.
    """
    outputs = [
        part
        for index, (rung, out) in enumerate(zip(rungs, outs, strict=True))
        for part in _output(index, rung, facts, grid, piece.frames, out, threads)
    ]
    return (*decode_arguments(piece, facts, rungs, grid, tools, threads), "-progress", "pipe:1", *outputs)


def encode_chunk(
    piece: Slice,
    facts: VideoFacts,
    rungs: Sequence[Rung],
    grid: Grid,
    *,
    tools: Toolchain,
    runner: Runner,
    out_dir: Path,
    on_frames: Callable[[int], None] | None = None,
    threads: int = 1,
) -> tuple[EncodedChunk, ...]:
    """Encode one slice for every rung into `out_dir/<rung>.mp4` and count what came out.

    `on_frames` hears how many frames are encoded so far, about twice a second, from another thread.
    Raises `InputError` if the decoder gave another number of frames than the index promises, `ProofError` if
    an encoder lost some or set a keyframe off the grid, `ToolError`, `Interrupted`, `TransientError`.
    """
    tools.require({rung.encoder for rung in rungs})
    with translate_errors(f"encoding into {out_dir}"):
        out_dir.mkdir(parents=True, exist_ok=True)
    outs = [out_dir / f"{rung.name}.mp4" for rung in rungs]
    argv = encode_command(piece, facts, rungs, grid, tools, outs, threads)
    limits = _limits(piece, facts, rungs)
    try:
        runner.run(argv, limits=limits, on_line=_listener(on_frames))
    except ToolError as error:
        fault = classify_tool_error(error, "this chunk cannot be encoded")
        # Only footage that a plain decode cannot read either is at fault; anything else may be tried again.
        if fault is not error and find_missing_frames(piece, tools=tools, runner=runner, limits=limits):
            raise fault from error
        raise
    with translate_errors(f"reading back {out_dir}"):
        made = tuple(_counted(rung, out, grid) for rung, out in zip(rungs, outs, strict=True))
    counts = {chunk.rung: chunk.frames for chunk in made}
    if set(counts.values()) != {piece.frames}:
        lost = find_missing_frames(piece, tools=tools, runner=runner, limits=limits)
        raise _miscounted(piece, counts, lost)
    return made


def _output(
    index: int, rung: Rung, facts: VideoFacts, grid: Grid, frames: int, out: Path, threads: int
) -> tuple[str, ...]:
    base = filters.encoder_time_base(facts, grid)
    return (
        *("-map", f"[v{index}]"),
        *encoder_options(rung, grid, frames, threads),
        # Frames as the filters give them: none doubled, none dropped, in a time base that nobody guesses.
        *("-fps_mode", "passthrough", "-enc_time_base", f"{base.numerator}:{base.denominator}"),
        *("-video_track_timescale", str(base.denominator)),
        # No dates, versions or measured bit rates in the file: all chunks have one sample entry.
        *("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-write_btrt", "0"),
        *("-f", "mp4", f"file:{out}"),
    )


def _limits(piece: Slice, facts: VideoFacts, rungs: Sequence[Rung]) -> Limits:
    pixels = sum(rung.width * rung.height for rung in rungs)
    frames = max(piece.samples, piece.frames)  # what leads up to the first wanted frame is decoded as well
    # CUDA reserves address space by the terabyte, and would fail at once.
    bounded = not any(is_hardware(rung.encoder) for rung in rungs)
    memory = _MEMORY_BASE + _MEMORY_SOURCE * facts.width * facts.height + _MEMORY_RUNG * pixels
    return Limits(
        wall_s=_PATIENCE_FLOOR_S + _PATIENCE * estimate_cpu_s(frames, rungs, facts),
        memory=memory if bounded else None,
    )


def _listener(on_frames: Callable[[int], None] | None) -> Callable[[str], None]:
    def listen(line: str) -> None:
        key, _, value = line.partition("=")
        if key == "frame" and on_frames is not None and value.strip().isdigit():
            on_frames(int(value))

    return listen


def _counted(rung: Rung, out: Path, grid: Grid) -> EncodedChunk:
    with FileRanges(out) as source:
        track = read_movie(source).first_track("video")
        if track is None:
            return EncodedChunk(rung=rung.name, path=out, frames=0, bytes=source.size)
        shown = track.samples.pts.argsort(kind="stable")
        off = [int(place) for place in track.samples.sync[shown].nonzero()[0] if place % grid.gop]
        if off:
            raise ProofError(
                f"{rung.encoder} set a keyframe at frame {off[0]} of a chunk, off the grid of {grid.gop}"
            )
        return EncodedChunk(rung=rung.name, path=out, frames=len(track.samples), bytes=source.size)


def _miscounted(piece: Slice, counts: Mapping[str, int], lost: Sequence[int]) -> EddylineError:
    """Whose fault it is that not all frames came out: the footage's, or an encoder's."""
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    if not lost:
        return ProofError(f"{piece.frames} frames went into the encoders, and out came: {listed}")
    named = ", ".join(str(place) for place in lost[:_MOST_NAMED]) + (
        ", ..." if len(lost) > _MOST_NAMED else ""
    )
    return InputError(
        f"the decoder gives {max(counts.values())} frames where the index promises {piece.frames}:"
        f" frames {named} of this chunk are damaged",
        remedy="check the original with another player, or copy it from the card once more",
        reason="damaged-frames",
    )
