"""Remuxes sources in other containers to MP4 or MOV, so that all later steps can read one kind of index."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from eddyline.core.errors import InputError, ToolError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.left_out.report import LeftOut, sort_left_out
from eddyline.media.left_out.streams import left_out_streams
from eddyline.media.source.dolby_vision import left_out_enhancement, parse_stream, require_base_layer
from eddyline.media.source.ffprobe import PROBE_S, classify_tool_error, run_ffprobe
from eddyline.media.source.first_frame import decode_first_frame, require_decoder
from eddyline.media.source.frame_size import check_frame_size
from eddyline.media.source.intermediates import Intermediate, codec_name, lossless_encode, stream_copy
from eddyline.media.source.remux_audio import AudioMapping, map_audio_streams
from eddyline.media.source.sequence_headers import SEQUENCE_HEADER_CODECS, frame_size_changes
from eddyline.media.source.sniff import detect_container, read_head
from eddyline.media.source.stall_detector import StallDetector, stall_error
from eddyline.media.subtitles.source_tracks import subtitle_streams
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

_MIN_DISK_SPEED = 4 * 1024 * 1024  # bytes/s, for the time limit
_MAX_ENCODE_S = 24 * 3600.0
_REORDERING: Final = frozenset({"h264", "hevc", "mpeg4", "msmpeg4v3", "vc1", "mpeg2video"})
_TOO_LONG = "took longer than its limit"
_DEMUXERS: Final = "matroska,webm,mpegts,mpeg,avi,flv,ogg,mxf,asf"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True, kw_only=True)
class RemuxResult:
    """What remuxing omitted, and the video codec of the source by FFmpeg's name."""

    left_out: tuple[LeftOut, ...]
    codec: str


def remux_to_mp4(path: Path, out: Path, *, runner: Runner, tools: Toolchain) -> RemuxResult:
    """Remux `path` (Matroska, MPEG-TS, MPEG-PS, AVI, FLV, Ogg, MXF, ASF) to MP4 or QuickTime in `out`.

    Copies the first video track and all audio tracks with their frame times and languages. Audio that MP4
    does not support is decoded (see `remux_audio`); video that MP4 cannot store exactly is encoded losslessly
    (see `intermediates`). The demuxer is forced according to the first bytes, so that the content of the file
    cannot select another one. Raises `InputError` (no video, unreadable), `UnsupportedError` (no decoder,
    Dolby Vision without a base layer), `ToolError`, `TransientError`.
    """
    demuxer = detect_container(read_head(path))
    description = _describe(path, demuxer, runner=runner, tools=tools)
    streams = description.get("streams", [])
    created = str((description.get("format", {}).get("tags") or {}).get("creation_time", ""))
    video = _main_video(streams)
    require_base_layer(parse_stream(video))
    codec = codec_name(video)
    target = stream_copy(codec, demuxer) or _lossless_video(path, video, demuxer, runner=runner, tools=tools)
    opened = ("-format_whitelist", _DEMUXERS, "-f", demuxer, *input_args(path))
    undecodable: list[LeftOut] = []

    def remux(target: Intermediate) -> None:
        audio, undecodable[:] = map_audio_streams(
            opened, streams, demuxer, target.container, runner=runner, tools=tools
        )
        options = remux_command(path, out, demuxer, streams, target, audio, created)
        # The time of an encode depends on its frames, not its bytes: `StallDetector` stops one without
        # progress.
        wall_s = 120 + path.stat().st_size / _MIN_DISK_SPEED if target.is_copy else _MAX_ENCODE_S
        argv = (str(tools.ffmpeg), *FFMPEG_BASE, *options)
        runner.run(argv, limits=Limits(wall_s=wall_s), on_line=StallDetector())

    try:
        remux(target)
        # The decoder drops frames when the size changes; the index must list only frames that it returns.
        resized = target.is_copy and codec in SEQUENCE_HEADER_CODECS and frame_size_changes(out)
        # AVI has only decoding times: if frames were dropped, only a decoder gives the presentation times.
        untimed = target.is_copy and demuxer == "avi" and codec in _REORDERING and _is_uneven(out)
        if resized or untimed:
            remux(_lossless_video(path, video, demuxer, runner=runner, tools=tools))
    except ToolError as error:
        out.unlink(missing_ok=True)
        require_decoder(error, codec)
        raise classify_tool_error(error, "the source cannot be remuxed to MP4") from error
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    kept = [each["index"] for each in (video, *subtitle_streams(streams))]
    audio = [
        each["index"] for each in streams if each.get("codec_type") == "audio"
    ]  # in `undecodable` or kept
    omitted = [
        *undecodable,
        *left_out_streams(streams, [*kept, *audio]),
        *left_out_enhancement(parse_stream(video)),
    ]
    return RemuxResult(left_out=sort_left_out(omitted), codec=codec)


def _is_uneven(path: Path) -> bool:
    """Return whether the intervals between frames differ."""
    with FileRanges(path) as source:
        video = read_movie(source).first_track("video")
    spacing = np.diff(np.sort(video.samples.pts)) if video is not None else np.zeros(0)
    return bool(len(spacing) and spacing.min() != spacing.max())


def main_video_index(path: Path, *, runner: Runner, tools: Toolchain) -> int:
    """Return the index of the stream that `remux_to_mp4` selects as the video. Raises the same errors."""
    demuxer = detect_container(read_head(path))
    description = run_ffprobe(path, "-show_streams", tools=tools, runner=runner, demuxer=demuxer)
    return int(_main_video(description.get("streams", []))["index"])


def remux_command(
    path: Path,
    out: Path,
    demuxer: str,
    streams: list[dict[str, Any]],
    target: Intermediate,
    audio: Sequence[AudioMapping],
    created: str = "",
) -> tuple[str, ...]:
    """Return the FFmpeg arguments after the global ones; `streams` is ffprobe's list of streams.

    `created` is ffprobe's creation time of the container, which FFmpeg does not copy by default.
    """
    video = _main_video(streams)
    maps = ["-map", f"0:{video['index']}"]
    codecs = ["-c", "copy", *target.options]
    for place, each in enumerate(audio):
        maps += ["-map", f"0:{each.index}"]
        codecs += [f"-c:a:{place}", each.codec]
        if each.codec.startswith("pcm_"):  # PCM has no timestamps: gaps are filled with silence
            codecs += [f"-filter:a:{place}", "aresample=async=1:min_hard_comp=0.01"]
    for text in subtitle_streams(streams):
        maps += ["-map", f"0:{text['index']}"]
    metadata = ("-metadata", f"creation_time={created}") if _TIME.fullmatch(created) else ()
    return (
        *("-y", "-progress", "pipe:1"),
        # AVI has only decoding times, MPEG-PS omits some: presentation times are derived from them. If the
        # video is decoded, the decoder does this better, from the order in which it returns frames.
        *(("-fflags", "+genpts") if target.is_copy else ()),
        *("-format_whitelist", _DEMUXERS, "-f", demuxer),
        *(() if target.is_copy else ("-noautorotate",)),
        *input_args(path),
        *maps,
        *codecs,
        *("-c:s", "mov_text"),
        *metadata,
        # Reproducible output: no current time, no version of the muxer.
        *("-fflags", "+bitexact"),
        # Without this, the muxer omits the boxes of spherical video (st3d, sv3d) and of Dolby Vision.
        *("-strict", "unofficial"),
        *("-f", target.container, str(out)),
    )


def _main_video(streams: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the first video stream that is not a cover image."""
    videos = [each for each in streams if each.get("codec_type") == "video"]
    moving = [each for each in videos if not each.get("disposition", {}).get("attached_pic")]
    if moving:
        return moving[0]
    if any(each.get("codec_type") == "audio" for each in streams):
        raise InputError(
            "the file has audio but no video",
            remedy="pass the video that the audio belongs to",
            reason="audio-only",
        )
    raise InputError(
        "the file has no video", remedy="copy it again, or pass the video file", reason="no-video"
    )


def _describe(path: Path, demuxer: str, *, runner: Runner, tools: Toolchain) -> dict[str, Any]:
    try:
        return run_ffprobe(path, "-show_streams", "-show_format", tools=tools, runner=runner, demuxer=demuxer)
    except ToolError as error:
        if _TOO_LONG not in error.message:
            raise
        raise stall_error(PROBE_S) from error


def _lossless_video(
    path: Path, video: Mapping[str, Any], demuxer: str, *, runner: Runner, tools: Toolchain
) -> Intermediate:
    codec, number = codec_name(video), int(video["index"])
    frame = decode_first_frame(path, tools=tools, runner=runner, name=codec, demuxer=demuxer, stream=number)
    if frame is None:
        raise InputError(
            f"the first frame cannot be decoded: FFmpeg returns no frame of the {codec} video",
            remedy="play the file in a player; if that fails too, copy it again from the card",
            reason="damaged",
        )
    check_frame_size(frame.width, frame.height)
    return lossless_encode(frame)
