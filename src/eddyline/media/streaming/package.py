"""Packages renditions as HLS (fMP4) and DASH with common segments, using Shaka Packager.

The packager rejects files with a telemetry track, so the video of each rendition, and the audio of the first,
are written to separate files (`elementary_streams`). Segments start on the frame grid (`segment_duration`).
The output depends only on the renditions.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path, PurePosixPath

from eddyline.core.errors import ToolError, TransientError, UsageError
from eddyline.core.files import remove_tree, translate_errors
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.audio.renditions import AudioRendition
from eddyline.media.encryption.content_keys import StreamEncryption
from eddyline.media.encryption.encrypted_stream import finish_encryption, write_encryption
from eddyline.media.encryption.packager_keys import (
    key_environment,
    key_options,
    label_option,
    without_keys,
)
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.pictures.highlights import Chapter
from eddyline.media.streaming import playlists
from eddyline.media.streaming.audio_groups import PACKAGER_GROUP, write_audio_groups
from eddyline.media.streaming.elementary_streams import (
    ElementaryStream,
    VariantFrames,
    write_elementary_streams,
)
from eddyline.media.streaming.fragment_duration import remove_fragment_duration
from eddyline.media.streaming.keyframe_fragments import split_keyframes, with_byte_ranges
from eddyline.media.streaming.segment_duration import SegmentDuration
from eddyline.media.streaming.stream_attributes import complete_manifests
from eddyline.media.streaming.stream_bit_rates import write_bit_rates
from eddyline.media.streaming.stream_chapters import verify_stream_chapters, write_stream_chapters
from eddyline.media.streaming.stream_edit_lists import set_presentation_start
from eddyline.media.streaming.stream_hdr import add_hdr_metadata
from eddyline.media.streaming.stream_spherical import add_spherical
from eddyline.media.streaming.stream_subtitles import verify_stream_subtitles, write_stream_subtitles
from eddyline.media.streaming.stream_verification import verify_stream
from eddyline.media.streaming.timeline import Timeline
from eddyline.media.subtitles.cues import Subtitles
from eddyline.media.toolchain import Toolchain

STREAM = "stream"
_MASTER, _MPD = "master.m3u8", "manifest.mpd"
_BASE_S, _BYTES_PER_S = 120.0, 4_000_000  # a time limit that allows for a slow disk
_DISK_FULL = 4 * 1024 * 1024  # free bytes below which a packager failure is attributed to the disk


@dataclass(frozen=True, kw_only=True)
class PackagedStream:
    """Paths relative to the output directory ("stream/master.m3u8"); `files` are all files of the stream.

    `hls` or `dash` is empty if the encryption of the stream excludes it.
    """

    hls: str
    dash: str
    files: tuple[str, ...]
    bytes: int
    segments: int
    on_grid: bool


def package(
    renditions: Sequence[tuple[Rung, Path]],
    grid: Grid,
    *,
    tools: Toolchain,
    runner: Runner,
    out_dir: Path,
    chapters: Sequence[Chapter] = (),
    subtitles: Sequence[Subtitles] = (),
    encryption: StreamEncryption | None = None,
    audio_renditions: Sequence[AudioRendition] | None = None,
) -> PackagedStream:
    """Write and verify `out_dir`/stream/ (replaced if it exists) from renditions, highest first.

    The audio is that of the first rendition; `audio_renditions` describe its tracks, in order (None: each is
    one track of the source). `chapters` and `subtitles` are added to HLS and DASH. `encryption` encrypts
    video and audio, which are then decrypted and compared. Raises `ProofError` if the stream or the
    renditions do not all have the same frames on the same grid, `ToolError` if the packager fails. The files
    are not synced: a store does that when it takes them.
    """
    if not renditions:
        raise UsageError("no rendition to package")
    stream, work = out_dir / STREAM, out_dir / f".{STREAM}-inputs"
    with translate_errors("packaging"), _directories(stream, work):
        try:
            inputs, segmenting = write_elementary_streams(renditions, grid, work, audio_renditions)
            argv = packager_command(
                inputs, segmenting, grid, tools, work=f"../{work.name}", encryption=encryption
            )
            size = sum(path.stat().st_size for _, path in renditions)
            kinds = {each.name: each.kind for each in inputs}
            with without_keys(encryption):
                runner.run(
                    argv, cwd=stream, limits=packager_limits(size), env=key_environment(encryption, kinds)
                )
        except ToolError as error:
            if shutil.disk_usage(stream).free >= _DISK_FULL and "FILE_FAILURE" not in error.stderr:
                raise
            # The packager reports a full disk as FILE_FAILURE or PARSER_FAILURE, without its errno.
            raise TransientError(
                f"the packager cannot write its files: {shutil.disk_usage(stream).free:,} bytes are free",
                remedy=f"free at least {size:,} bytes on that disk, then run the same command again",
            ) from error
        variants = {each.name: each.frames for each in inputs if each.frames is not None}
        densest = min((rung for rung, _ in renditions), key=lambda rung: rung.frame_step)
        timeline = variants[densest.name].timeline
        chapters = _in_frames_of(densest, chapters)
        _finalize_manifests(stream, variants, segmenting)
        write_audio_groups(stream, inputs)
        for each in inputs:
            remove_fragment_duration(stream / each.name / "init.mp4")
        add_spherical(stream, stream / _MASTER, inputs)
        add_hdr_metadata(stream, inputs)
        _split_keyframes(stream, _keyframe_durations(variants[densest.name].keyframes))
        if chapters:
            write_stream_chapters(stream, chapters, timeline)
        if subtitles:
            write_stream_subtitles(stream, subtitles, timeline)
        write_encryption(stream, kinds, encryption)
        write_bit_rates(stream)
        complete_manifests(stream)
        verify_stream(out_dir, variants, {each.name: each.audio for each in inputs if each.audio})
        verify_stream_chapters(stream, chapters, timeline)
        verify_stream_subtitles(stream, subtitles, timeline)
        finish_encryption(stream, {each.name: work / each.path for each in inputs}, kinds, encryption)
        files = sorted(path for path in stream.rglob("*") if path.is_file())
    return PackagedStream(
        hls=f"{STREAM}/{_MASTER}" if stream / _MASTER in files else "",
        dash=f"{STREAM}/{_MPD}" if stream / _MPD in files else "",
        files=tuple(f"{STREAM}/{path.relative_to(stream).as_posix()}" for path in files),
        bytes=sum(path.stat().st_size for path in files),
        segments=len(segmenting.first),
        on_grid=segmenting.on_grid,
    )


def packager_limits(size: int) -> Limits:
    """The limits of the packager for inputs of `size` bytes."""
    return Limits(wall_s=_BASE_S + size / _BYTES_PER_S)


@contextmanager
def _directories(stream: Path, work: Path) -> Iterator[None]:
    """Both directories, empty; `work` exists only inside the context."""
    for folder in (stream, work):
        remove_tree(folder)
        folder.mkdir(parents=True)
    try:
        yield
    finally:
        remove_tree(work)


def packager_command(
    inputs: Sequence[ElementaryStream],
    segmenting: SegmentDuration,
    grid: Grid,
    tools: Toolchain,
    *,
    work: str,
    encryption: StreamEncryption | None = None,
) -> tuple[str, ...]:
    """The packager's command line, with paths relative to the stream's directory, in which it runs."""
    # Three quarters of a GOP: every keyframe then starts a fragment, which the I-frame playlists need, and
    # audio fragments still last about a second instead of one AAC frame.
    fragment = float(Fraction(3, 4) * grid.gop / grid.fps)
    return (
        str(tools.packager),
        *(_descriptor(each, work) + label_option(each.name, encryption) for each in inputs),
        f"--hls_master_playlist_output={_MASTER}",
        f"--mpd_output={_MPD}",
        "--generate_static_live_mpd",  # separate segment files, which HLS shares, and a static MPD
        f"--segment_duration={segmenting.option}",
        f"--fragment_duration={fragment:.6f}",
        "--allow_codec_switching=false",
        *key_options(encryption),
        # No clocks and versions in the output.
        "--use_fake_clock_for_muxer",
        "--test_packager_version=eddyline",
        # Threads race for the identifiers of adaptation sets: 32 different MPDs in 40 runs without this.
        "--single_threaded",
        # No file threads either: the same output for a ninth of the CPU time.
        "--io_cache_size=0",
        "--quiet",
    )


def _descriptor(each: ElementaryStream, work: str) -> str:
    fields = {
        "in": f"{work}/{each.path}",
        "stream": each.kind,
        "init_segment": f"{each.name}/init.mp4",
        "segment_template": f"{each.name}/$Number%05d$.m4s",
        "playlist_name": f"{each.name}/main.m3u8",
    }
    if each.kind == "video":
        fields["iframe_playlist_name"] = f"{each.name}/iframes.m3u8"
    else:
        # A distinct label keeps two streams of one language in separate adaptation sets. In a common set, a
        # player would switch between them as if they were qualities of the same audio. `audio_groups` writes
        # the final groups and names.
        fields |= {"hls_group_id": PACKAGER_GROUP, "hls_name": each.name, "dash_label": each.name}
    return ",".join(f"{key}={value}" for key, value in fields.items())


def _in_frames_of(rung: Rung, chapters: Sequence[Chapter]) -> list[Chapter]:
    """The chapters with the numbers of the frames of `rung`; the first one of several at the same frame."""
    frames: dict[int, Chapter] = {}
    for each in chapters:
        frames.setdefault(each.frame // rung.frame_step, each)
    return [replace(each, frame=frame) for frame, each in frames.items()]


def _finalize_manifests(
    stream: Path, variants: Mapping[str, VariantFrames], segmenting: SegmentDuration
) -> None:
    """Make MPD and playlists exact, and remove the signature.

    The packager adds up sample durations, which follow decode times, so with B-frames at a variable rate its
    segments seem to overlap. It also ends the presentation with the video even if the audio is longer.
    """
    mpd = stream / _MPD
    text = mpd.read_text("utf-8")
    for each in playlists.read_mpd(text, mpd.name)[1]:
        if each.kind == "video":
            frames = variants[PurePosixPath(each.init).parent.name]
            keyframes = frames.keyframes
            starts = [int(keyframes.pts[number]) for number in segmenting.first]
            text = playlists.with_timeline(text, each.init, starts, keyframes.end)
            set_presentation_start(stream / each.init, stream / each.media[0], starts[0])
    text = playlists.with_presentation_offsets(text)
    representations = playlists.read_mpd(text, mpd.name)[1]
    text = playlists.with_presentation_duration(text, max(each.end_s for each in representations))
    mpd.write_text(playlists.without_signature(text), "utf-8")
    target = max(segmenting.target(each.keyframes) for each in variants.values())
    for each in representations:
        lengths = zip(each.starts, each.ends, strict=True)
        exact = [Fraction(end - start, each.timescale) for start, end in lengths]
        playlist = (stream / each.init).with_name("main.m3u8")
        text = playlists.with_exact_durations(playlist.read_text("utf-8"), exact)
        # All playlists of audio and video have the same target (HLS Authoring Specification, item 8.2).
        playlist.write_text(playlists.with_target(text, target), "utf-8")
    for path in stream.rglob("*.m3u8"):
        path.write_text(playlists.without_signature(path.read_text("utf-8")), "utf-8")


def _keyframe_durations(keyframes: Timeline) -> list[Fraction]:
    """Seconds from each keyframe to the next one, or to the end."""
    times = [*map(int, keyframes.pts), keyframes.end]
    return [Fraction(after - before, keyframes.timescale) for before, after in pairwise(times)]


def _split_keyframes(stream: Path, durations: Sequence[Fraction]) -> None:
    """Split keyframes into separate fragments and reference these in the I-frame playlists."""
    text = (stream / _MASTER).read_text("utf-8")
    for uri in playlists.read_master_playlist(text, _MASTER).iframes:
        path = stream / uri
        playlist = playlists.read_media_playlist(path.read_text("utf-8"), uri)
        ranges = [
            (name, each)
            for name in dict.fromkeys(segment.uri for segment in playlist.segments)
            for each in split_keyframes(path.with_name(name))
        ]
        iframes = with_byte_ranges(path.read_text("utf-8"), ranges)
        if len(ranges) == len(durations):  # else a fragment has several GOPs: the packager's milliseconds
            iframes = playlists.with_exact_durations(iframes, durations)
        path.write_text(iframes, "utf-8")
