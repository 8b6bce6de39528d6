"""Other containers become MP4 without a frame being decoded, so that the index can speak for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from eddyline.core.errors import InputError, ToolError
from eddyline.core.process import Limits, Runner
from eddyline.media.left_out.report import LeftOut, sort_left_out
from eddyline.media.left_out.streams import left_out_streams
from eddyline.media.source.dolby_vision import left_out_enhancement as enhancement
from eddyline.media.source.dolby_vision import parse_stream, require_base_layer
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

_SLOWEST_DISK = 4 * 1024 * 1024  # bytes/s that any disk can be expected to read and write
_LONGEST_ENCODE_S = 24 * 3600.0
_REORDERING: Final = frozenset({"h264", "hevc", "mpeg4", "msmpeg4v3", "vc1", "mpeg2video"})
_TOO_LONG = "took longer than its limit"
_DEMUXERS: Final = "matroska,webm,mpegts,mpeg,avi,flv,ogg,mxf,asf"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True, kw_only=True)
class RemuxResult:
    """What rewrapping left out, and the source's own video codec, as FFmpeg names it."""

    left_out: tuple[LeftOut, ...]
    codec: str


def remux_to_mp4(path: Path, out: Path, *, runner: Runner, tools: Toolchain) -> RemuxResult:
    """Rewrap `path` (Matroska, MPEG-TS, MPEG-PS, AVI, FLV, Ogg, MXF, ASF) as MP4, or QuickTime, in `out`.

    The first video track and all audio tracks are copied, frame times and languages kept; audio that MP4
    cannot hold is decoded (see `rewrapped_audio`), and video that it cannot hold exactly is encoded without
    loss (see `intermediates`). The first bytes force the demuxer, so nothing in the file can send FFmpeg to
    another one. Raises `InputError` (no video, unreadable), `UnsupportedError` (no decoder, Dolby Vision
    without a base layer), `ToolError`, `TransientError`.
    """
    demuxer = detect_container(read_head(path))
    answer = _described(path, demuxer, runner=runner, tools=tools)
    streams = answer.get("streams", [])
    made = str((answer.get("format", {}).get("tags") or {}).get("creation_time", ""))
    video = _main_video(streams)
    require_base_layer(parse_stream(video))
    codec = codec_name(video)
    way = stream_copy(codec, demuxer) or _lossless_video(path, video, demuxer, runner=runner, tools=tools)
    opened = ("-format_whitelist", _DEMUXERS, "-f", demuxer, *input_args(path))
    undecodable: list[LeftOut] = []

    def rewrap(way: Intermediate) -> None:
        audio, undecodable[:] = map_audio_streams(
            opened, streams, demuxer, way.container, runner=runner, tools=tools
        )
        argv = (
            str(tools.ffmpeg),
            *FFMPEG_BASE,
            *remux_command(path, out, demuxer, streams, way, audio, made),
        )
        # Frames, not bytes, say how long an encode takes: `StallDetector` ends one that gets nowhere.
        wall_s = 120 + path.stat().st_size / _SLOWEST_DISK if way.is_copy else _LONGEST_ENCODE_S
        runner.run(argv, limits=Limits(wall_s=wall_s), on_line=StallDetector())

    try:
        rewrap(way)
        # The decoder drops frames where the size changes: only what it shows is to be in the index.
        resized = way.is_copy and codec in SEQUENCE_HEADER_CODECS and frame_size_changes(out)
        # AVI has decoding times alone: where frames were dropped, only a decoder gives the right ones.
        untimed = way.is_copy and demuxer == "avi" and codec in _REORDERING and _is_uneven(out)
        if resized or untimed:
            rewrap(_lossless_video(path, video, demuxer, runner=runner, tools=tools))
    except ToolError as error:
        out.unlink(missing_ok=True)
        require_decoder(error, codec)
        raise classify_tool_error(error, "the footage cannot be rewrapped as MP4") from error
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    kept = [each["index"] for each in (video, *subtitle_streams(streams))]
    judged = [each["index"] for each in streams if each.get("codec_type") == "audio"]
    lost = [*undecodable, *left_out_streams(streams, [*kept, *judged]), *enhancement(parse_stream(video))]
    return RemuxResult(left_out=sort_left_out(lost), codec=codec)


def _is_uneven(path: Path) -> bool:
    """Whether frames are not all equally far apart."""
    with FileRanges(path) as source:
        video = read_movie(source).first_track("video")
    spacing = np.diff(np.sort(video.samples.pts)) if video is not None else np.zeros(0)
    return bool(len(spacing) and spacing.min() != spacing.max())


def main_video_index(path: Path, *, runner: Runner, tools: Toolchain) -> int:
    """The index of the stream that `remux_to_mp4` takes for the video. Raises as that does."""
    demuxer = detect_container(read_head(path))
    answer = run_ffprobe(path, "-show_streams", tools=tools, runner=runner, demuxer=demuxer)
    return int(_main_video(answer.get("streams", []))["index"])


def remux_command(
    path: Path,
    out: Path,
    demuxer: str,
    streams: list[dict[str, Any]],
    way: Intermediate,
    audio: Sequence[AudioMapping],
    created: str = "",
) -> tuple[str, ...]:
    """FFmpeg's arguments after its global ones, for what ffprobe said of the streams and the audio to keep.

    `created` is the container's creation time as ffprobe writes it, which FFmpeg copies only when asked to.
    """
    video = _main_video(streams)
    maps = ["-map", f"0:{video['index']}"]
    codecs = ["-c", "copy", *way.options]
    for place, each in enumerate(audio):
        maps += ["-map", f"0:{each.index}"]
        codecs += [f"-c:a:{place}", each.codec]
        if each.codec.startswith("pcm_"):  # PCM has no times of its own: gaps are filled with silence
            codecs += [f"-filter:a:{place}", "aresample=async=1:min_hard_comp=0.01"]
    for text in subtitle_streams(streams):
        maps += ["-map", f"0:{text['index']}"]
    when = ("-metadata", f"creation_time={created}") if _TIME.fullmatch(created) else ()
    return (
        *("-y", "-progress", "pipe:1"),
        # AVI knows only decoding times, MPEG-PS leaves some out: presentation times are worked out from them.
        # A decoder does so better, where there is one: from the order in which it gives frames out.
        *(("-fflags", "+genpts") if way.is_copy else ()),
        *("-format_whitelist", _DEMUXERS, "-f", demuxer),
        *(() if way.is_copy else ("-noautorotate",)),
        *input_args(path),
        *maps,
        *codecs,
        *("-c:s", "mov_text"),
        *when,
        # Same bytes from the same source: no clock, no version of the muxer.
        *("-fflags", "+bitexact"),
        # Without it, the muxer leaves out the boxes of spherical video (st3d, sv3d) and of Dolby Vision.
        *("-strict", "unofficial"),
        *("-f", way.container, str(out)),
    )


def _main_video(streams: list[dict[str, Any]]) -> dict[str, Any]:
    """The first video that is no cover picture."""
    videos = [each for each in streams if each.get("codec_type") == "video"]
    moving = [each for each in videos if not each.get("disposition", {}).get("attached_pic")]
    if moving:
        return moving[0]
    if any(each.get("codec_type") == "audio" for each in streams):
        raise InputError(
            "this is sound alone: there is no picture to encode",
            remedy="give the video that the sound belongs to",
            reason="audio-only",
        )
    raise InputError(
        "there is no video in this file", remedy="copy it again, or give the video itself", reason="no-video"
    )


def _described(path: Path, demuxer: str, *, runner: Runner, tools: Toolchain) -> dict[str, Any]:
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
            f"the first frame cannot be decoded: FFmpeg reads nothing of the {codec} video",
            remedy="play the file in a player; if that fails too, copy it again from the card",
            reason="damaged",
        )
    check_frame_size(frame.width, frame.height)
    return lossless_encode(frame)
