"""Decodes a chunk once and encodes it for every rung: frame-exact and reproducible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import EddylineError, InputError, ProofError, ToolError
from eddyline.core.files import translate_errors
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.encoder_options import encoder_options
from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.ffprobe import classify_tool_error
from eddyline.media.source.missing_frames import find_missing_frames
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video import device_filters, filters
from eddyline.media.video.device_errors import classify_device_error
from eddyline.media.video.hdr_metadata import rendition_hdr_metadata
from eddyline.mp4.errors import Mp4Error
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import Slice
from eddyline.store.ranges import FileRanges

_WALL_PER_CPU_S, _MIN_WALL_S = 30, 120.0  # time limit: wall-clock seconds per estimated CPU second
_MAX_LISTED = 8  # frames in a message
# Address space: the program with its threads' stacks, and lookahead and reference frames per pixel.
_MEMORY_BASE, _MEMORY_SOURCE, _MEMORY_RUNG = 3 * 1024**3, 150, 800
_MEMORY_PROJECTION = 300  # tables of v360 for its longest kernel, of all planes


@dataclass(frozen=True, kw_only=True)
class EncodedChunk:
    """One chunk encoded for one rung: an MP4 with one video track of `frames` frames."""

    rung: str
    path: Path
    frames: int
    bytes: int


def decode_arguments(
    piece: Slice,
    facts: VideoFacts,
    rungs: Sequence[Rung],
    grid: Grid,
    tools: Toolchain,
    threads: int = 1,
    *,
    skipped: Mapping[str, int] | None = None,
) -> tuple[str, ...]:
    """The decoding part of the command, with the slice's frames as `[v0]`, `[v1]`, ... to map to outputs."""
    graph = filters.filter_graph(piece, facts, rungs, grid, skipped)
    return _decode_arguments(piece, graph, tools, threads)


def _decode_arguments(
    piece: Slice, graph: str, tools: Toolchain, threads: int, device: Sequence[str] = ()
) -> tuple[str, ...]:
    return (
        str(tools.ffmpeg),
        *FFMPEG_BASE,
        "-y",
        "-copyts",  # the slice's own times, in which trim counts
        *device,
        *(part for track in piece.tracks for part in _input(track, threads)),
        *("-filter_complex_threads", str(threads)),
        *("-filter_complex", graph),
    )


def encode_command(
    piece: Slice,
    facts: VideoFacts,
    rungs: Sequence[Rung],
    grid: Grid,
    tools: Toolchain,
    outs: Sequence[Path],
    threads: int = 1,
    *,
    is_first: bool = False,
    skipped: Mapping[str, int] | None = None,
) -> tuple[str, ...]:
    """The command that encodes one slice to `outs`, one MP4 per rung, in the order of `rungs`.

    By default decoder, filters and encoders have one thread each: chunks run in parallel, and more threads
    only add cost (one thread takes 0.94 of the CPU time). `is_first` is true for the first frames of a
    source. `skipped`: see `encode_chunk`. Progress is written to standard output. GPUs: see `device_filters`.
    """
    skipped = skipped or {}
    # No frames are skipped on a device: a preview has software encoders.
    on_device = None if skipped else device_filters.device_filter_graph(piece, facts, rungs, grid)
    graph = on_device or (
        filters.filter_graph(piece, facts, rungs, grid, skipped) + device_filters.upload_chains(rungs)
    )
    outputs: list[str] = []
    for index, (rung, out) in enumerate(zip(rungs, outs, strict=True)):
        own = grid.thinned(rung.frame_step)
        skip = skipped.get(rung.name, 0)
        frames = rung.frame_count(piece.frames) - skip
        # A chunk that another one precedes has the share of the player's buffer that this one leaves to it.
        hdr = rendition_hdr_metadata(facts, rung)
        options = encoder_options(rung, own, frames, threads, is_first=is_first and not skip, hdr=hdr)
        if on_device:
            options = device_filters.frames_on_device(options)
        outputs += _output(device_filters.output_label(index, rung), facts, own, options, out)
    device = device_filters.CUDA_INPUT if on_device else device_filters.device_arguments(rungs)
    decode = _decode_arguments(piece, graph, tools, threads, device)
    return (*decode, "-progress", "pipe:1", *outputs)


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
    is_first: bool = False,
    skipped: Mapping[str, int] | None = None,
) -> tuple[EncodedChunk, ...]:
    """Encode one slice for every rung to `out_dir/<rung>.mp4` and count the encoded frames.

    `is_first` is true for the first frames of a source: their encoders may use all of the player's buffer.
    `skipped` is the number of its first frames that a rung leaves out, by name: another job encodes them.
    `on_frames` receives the number of frames encoded so far, about twice a second, on another thread. Raises
    `InputError` if the decoder outputs fewer frames than the index has, `ProofError` if an encoder drops
    frames or sets a keyframe off the grid, `DeviceError` and `EncoderSessionsError` with hardware encoders,
    `ToolError`, `Interrupted`, `TransientError`.
    """
    tools.require({rung.encoder for rung in rungs})
    with translate_errors(f"encoding into {out_dir}"):
        out_dir.mkdir(parents=True, exist_ok=True)
    outs = [out_dir / f"{rung.name}.mp4" for rung in rungs]
    argv = encode_command(piece, facts, rungs, grid, tools, outs, threads, is_first=is_first, skipped=skipped)
    limits = _limits(piece, facts, rungs)
    try:
        # FFmpeg reports the frames of the first output.
        runner.run(argv, limits=limits, on_line=_progress_listener(on_frames, rungs[0].frame_step))
    except ToolError as error:
        is_on_device = any(is_hardware(rung.encoder) for rung in rungs)
        if is_on_device and (device := classify_device_error(error)) is not None:
            raise device from error
        fault = classify_tool_error(error, "this chunk cannot be encoded")
        # The source is at fault only if a plain decode fails too; anything else may be retried.
        if fault is not error and _missing(piece, tools=tools, runner=runner, limits=limits):
            raise fault from error
        raise
    with translate_errors(f"reading back {out_dir}"):
        encoded = tuple(
            _count_frames(rung, out, grid.thinned(rung.frame_step))
            for rung, out in zip(rungs, outs, strict=True)
        )
    counts = {chunk.rung: chunk.frames for chunk in encoded}
    expected = {
        rung.name: rung.frame_count(piece.frames) - (skipped or {}).get(rung.name, 0) for rung in rungs
    }
    if counts != expected:
        lost = _missing(piece, tools=tools, runner=runner, limits=limits)
        raise _frame_count_error(piece, counts, expected, lost)
    return encoded


def _input(piece: Slice, threads: int) -> tuple[str, ...]:
    return (
        *("-threads", str(threads)),
        # Rotation is done by the filter graph.
        *("-noautorotate", "-an", "-sn", "-dn"),
        # A filter graph reinitialised at a change of size would restart its frame count at 0.
        *("-reinit_filter", "0"),
        *input_args(piece.path),
    )


def _missing(piece: Slice, *, tools: Toolchain, runner: Runner, limits: Limits) -> tuple[int, ...]:
    """The numbers of the frames that do not decode, in one of the tracks."""
    found = (find_missing_frames(each, tools=tools, runner=runner, limits=limits) for each in piece.tracks)
    return tuple(sorted({number for numbers in found for number in numbers}))


def _output(label: str, facts: VideoFacts, grid: Grid, options: Sequence[str], out: Path) -> tuple[str, ...]:
    base = filters.encoder_time_base(facts, grid)
    return (
        *("-map", f"[{label}]"),
        *options,
        # Exactly the frames of the filter graph, none duplicated or dropped, in an explicit time base.
        *("-fps_mode", "passthrough", "-enc_time_base", f"{base.numerator}:{base.denominator}"),
        *("-video_track_timescale", str(base.denominator)),
        # No dates, versions or measured bit rates, so that all chunks have the same sample entry.
        *("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-write_btrt", "0"),
        *("-f", "mp4", f"file:{out}"),
    )


def _limits(piece: Slice, facts: VideoFacts, rungs: Sequence[Rung]) -> Limits:
    pixels = sum(rung.width * rung.height for rung in rungs)
    frames = max(piece.samples, piece.frames)  # frames before the first wanted one are decoded too
    # CUDA reserves terabytes of address space and would fail with a limit.
    bounded = not any(is_hardware(rung.encoder) for rung in rungs)
    memory = _MEMORY_BASE + _MEMORY_SOURCE * facts.width * facts.height + _MEMORY_RUNG * pixels
    if facts.sphere is not None:
        memory += 2 * _MEMORY_SOURCE * facts.sphere.width * facts.sphere.height + _MEMORY_PROJECTION * pixels
    return Limits(
        wall_s=_MIN_WALL_S + _WALL_PER_CPU_S * estimate_cpu_s(frames, rungs, facts),
        memory=memory if bounded else None,
    )


def _progress_listener(on_frames: Callable[[int], None] | None, step: int) -> Callable[[str], None]:
    def listen(line: str) -> None:
        key, _, value = line.partition("=")
        if key == "frame" and on_frames is not None and value.strip().isdigit():
            on_frames(int(value) * step)

    return listen


def _count_frames(rung: Rung, out: Path, grid: Grid) -> EncodedChunk:
    with FileRanges(out) as source:
        try:
            track = read_movie(source).first_track("video")
        except Mp4Error:  # FFmpeg writes no track if it has no frame
            track = None
        if track is None:
            return EncodedChunk(rung=rung.name, path=out, frames=0, bytes=source.size)
        shown = track.samples.pts.argsort(kind="stable")
        off = [int(place) for place in track.samples.sync[shown].nonzero()[0] if place % grid.gop]
        if off:
            raise ProofError(
                f"{rung.encoder} set a keyframe at frame {off[0]} of a chunk, off the grid of {grid.gop}"
            )
        return EncodedChunk(rung=rung.name, path=out, frames=len(track.samples), bytes=source.size)


def _frame_count_error(
    piece: Slice, counts: Mapping[str, int], expected: Mapping[str, int], lost: Sequence[int]
) -> EddylineError:
    """The error for missing frames, caused by the source (`lost` frames do not decode) or by an encoder."""
    if not lost:
        listed = ", ".join(f"{name} {count} of {expected[name]}" for name, count in counts.items())
        return ProofError(f"the encoders did not write all frames: {listed}")
    numbers = ", ".join(str(place) for place in lost[:_MAX_LISTED]) + (
        ", ..." if len(lost) > _MAX_LISTED else ""
    )
    return InputError(
        f"the decoder does not output {len(lost)} of the {piece.frames} frames in the index:"
        f" frames {numbers} of this chunk are damaged",
        remedy="check the original in another player, or copy it from the card again",
        reason="damaged-frames",
    )
