"""Inspects a source: whether it can be processed, and all facts that later steps need.

The index gives frames and times; FFmpeg's decoding of the first frame gives pixel format and colors. Only
ranges of the source are read: the first frame and the start of each audio track become small local files.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.media.audio.tracks import probe_audio_tracks
from eddyline.media.chapters.source_chapters import read_source_chapters
from eddyline.media.left_out.boxes import left_out_boxes
from eddyline.media.left_out.insta360 import left_out_lens
from eddyline.media.left_out.report import LeftOut, sort_left_out
from eddyline.media.left_out.tracks import left_out_tracks
from eddyline.media.left_out.video import left_out_video
from eddyline.media.source.description import left_out_metadata, parse_tags, read_description
from eddyline.media.source.dolby_vision import left_out_enhancement, require_base_layer
from eddyline.media.source.eac_pair import read_second_track
from eddyline.media.source.ffprobe import run_ffprobe
from eddyline.media.source.fingerprint import fingerprint
from eddyline.media.source.first_frame import decode_first_frame
from eddyline.media.source.frame_rate import frame_rate
from eddyline.media.source.frame_size import check_frame_size
from eddyline.media.source.hdr_metadata import HEAD_BYTES, left_out_hdr, read_messages
from eddyline.media.source.open_source import main_video
from eddyline.media.source.source import SourceFacts, SubtitleFacts, TelemetryFacts, VideoFacts
from eddyline.media.subtitles.source_tracks import caption_facts, subtitle_facts, subtitle_tracks
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.captions import has_captions
from eddyline.media.video.clean_aperture import displayed_size, pixel_aspect
from eddyline.media.video.colours import is_grey, is_rgb, require_convertible
from eddyline.media.video.rendition_verification import samples_digest
from eddyline.media.video.sphere_facts import join_facts
from eddyline.media.video.spherical import read_spherical
from eddyline.mp4.bitstream.hdr_messages import HdrMessages
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.entries.dolby_vision import read_dolby_vision
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.samples.sample_formats import require_one_format
from eddyline.mp4.slice import require_separable, write_slice

_DEPTH = re.compile(r"(?:p|gray|nv|x2?|rgb|bgr)0?(9|10|12|14|16)(?:le|be|msble|msbbe)?$")


def probe(
    src: ByteRanges,
    movie: Movie,
    *,
    runner: Runner,
    tools: Toolchain,
    work: Path,
    original: ByteRanges | None = None,
    container: str | None = None,
    left_out: Sequence[LeftOut] = (),
    subtitles: Sequence[SubtitleFacts] | None = None,
    chapters: Sequence[tuple[Fraction, str]] | None = None,
    codec: str = "",
    join_pair: bool = True,
) -> SourceFacts:
    """Return all facts of a source, by range reads.

    `work` is a directory for temporary files. For a remuxed source, `src` and `movie` are those of the MP4,
    and the other arguments describe the original: `original` its bytes (for size and fingerprint),
    `container` its format, `left_out` what remuxing omitted, `subtitles` and `chapters` (seconds, title) its
    tracks (None: those of `movie`), `codec` its video codec if the MP4 has another one. 360-degree video in
    two tracks (`eac_pair`) is described as the sphere that they show, or as its first track (`join_pair`).
    Raises the `InputError` and `UnsupportedError` of `main_video`, and others if the first frame is invalid.
    """
    track = main_video(movie)
    require_base_layer(read_dolby_vision(track.stsd))
    require_one_format(track)
    shown = build_presentation(movie, track)
    if not len(shown):
        raise InputError(
            "the video shows no frame: nothing can be decoded within its edit list",
            remedy="copy the file again, or export it again from the program that edited it",
            reason="no-frames",
        )
    require_separable(track, shown)
    received = original or src
    audio = probe_audio_tracks(src, movie, runner=runner, tools=tools, work=work)
    video, tags = _video(src, movie, track, shown, runner=runner, tools=tools, work=work)
    messages = _hdr_messages(src, track, shown)
    video = replace(video, codec=codec or video.codec, hdr_metadata=messages.static.valid_part())
    second = read_second_track(movie, track, shown) if join_pair else None
    if second is not None:
        other, _ = _video(src, movie, second.track, second.shown, runner=runner, tools=tools, work=work)
        video = join_facts(video, other, second.track.number)
    require_convertible(video)
    captions = [caption_facts(track)] if has_captions(src, track, shown) else []
    if subtitles is None:
        subtitles = [subtitle_facts(each) for each in subtitle_tracks(movie, src)]
    own_chapters, omitted_chapters = read_source_chapters(src, movie, track, shown, chapters)
    return SourceFacts(
        bytes=received.size,
        fingerprint=fingerprint(received, None if original else movie),
        duration_s=round(shown.end / track.timescale, 6),
        container=container or ("mov" if movie.quicktime else "mp4"),
        video=video,
        audio=audio.facts,
        telemetry=_telemetry(src, movie),
        subtitles=(*subtitles, *captions),
        chapters=own_chapters,
        description=(
            read_description(src, movie, track, tools=tools, runner=runner, work=work)
            if tags is None
            else parse_tags(tags)
        ),
        left_out=sort_left_out(
            [
                *left_out,
                *omitted_chapters,
                *left_out_metadata(movie),
                *([] if original else [*left_out_boxes(src, movie), *left_out_lens(src, video)]),
                *left_out_tracks(movie, src, track, None if second is None else second.track),
                *left_out_video(track, video),
                *left_out_hdr(messages),
                *audio.left_out,
                *left_out_enhancement(read_dolby_vision(track.stsd)),
            ]
        ),
    )


def _video(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    shown: Presentation,
    *,
    runner: Runner,
    tools: Toolchain,
    work: Path,
) -> tuple[VideoFacts, Mapping[str, object] | None]:
    """The facts of the video, and the tags of the movie; None: ffprobe did not read both at once."""
    head = work / "first-frame.mp4"
    try:
        write_slice(src, movie, track, 0, 1, head, shown=shown, with_metadata=True)
        found = _describe_with_tags(head, runner=runner, tools=tools)
        if found is None:
            # Perhaps because of the metadata, which must not change what is known about the video.
            write_slice(src, movie, track, 0, 1, head, shown=shown)
            stream, frame = _describe_first_frame(head, track.format, runner=runner, tools=tools)
            tags = None
        else:
            stream, frame, tags = found
    finally:
        head.unlink(missing_ok=True)
    width, height = int(stream.get("width", 0)), int(stream.get("height", 0))
    if not (width and height and stream.get("pix_fmt")):
        raise _undecodable(track, stream.get("codec_name"))
    check_frame_size(width, height)
    pixels = str(stream["pix_fmt"])
    width, height = displayed_size(stream, pixels)
    as_coded = (
        not track.rotation and not track.mirrored and (width, height) == (stream["width"], stream["height"])
    )
    metadata = read_spherical(track) if as_coded else None
    fps, variable = frame_rate(shown, track.timescale)
    facts = VideoFacts(
        codec=str(stream.get("codec_name", "unknown")),
        width=width,
        height=height,
        rotation=track.rotation,
        mirrored=track.mirrored,
        pixel_aspect=pixel_aspect(stream, track.pixel_aspect),
        fps=fps,
        frames=len(shown),
        variable_rate=variable,
        pixel_format=pixels,
        bit_depth=_bit_depth(pixels),
        transfer=_color("color_transfer", stream, frame),
        primaries=_color("color_primaries", stream, frame),
        matrix=_color("color_space", stream, frame),
        full_range=_is_full_range(pixels, {stream.get("color_range"), frame.get("color_range")}),
        chroma_location=_color("chroma_location", stream, frame),
        interlaced=_is_interlaced(stream, frame),
        projection="" if metadata is None else metadata.projection,
        stereo=0 if metadata is None else metadata.stereo,
        timescale=track.timescale,
    )
    return facts, tags


def _hdr_messages(src: ByteRanges, track: Track, shown: Presentation) -> HdrMessages:
    """The HDR metadata of the keyframe from which the first shown frame is decoded."""
    keyframes = np.flatnonzero(track.samples.sync[: int(shown.sample[0]) + 1])
    sample = int(keyframes[-1]) if len(keyframes) else 0
    offset, size = int(track.samples.offset[sample]), int(track.samples.size[sample])
    return read_messages(track.format, track.stsd, src.read(offset, min(size, HEAD_BYTES)))


def _describe_with_tags(
    head: Path, *, runner: Runner, tools: Toolchain
) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, object]] | None:
    """Return ffprobe's description of the stream and its first frame, and the tags; None if it fails."""
    try:
        # "V": video, and not a cover in the metadata.
        options = ("-select_streams", "V:0", "-show_streams", "-show_frames", "-show_entries", "format_tags")
        output = run_ffprobe(head, *options, tools=tools, runner=runner)
    except InputError:
        return None
    stream: Mapping[str, Any] = next(iter(output.get("streams", ())), {})
    frame: Mapping[str, Any] = next(iter(output.get("frames", ())), {})
    if not stream.get("pix_fmt") or not frame:
        return None
    return stream, frame, output.get("format", {}).get("tags") or {}


def _describe_first_frame(
    head: Path, name: str, *, runner: Runner, tools: Toolchain
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return ffprobe's description of the stream and its first frame; FFmpeg's if ffprobe has no decoder."""
    output: Mapping[str, Any] = {}
    with contextlib.suppress(InputError):
        output = run_ffprobe(head, "-show_streams", "-show_frames", tools=tools, runner=runner)
    streams: Sequence[Mapping[str, Any]] = output.get("streams", ())
    stream = next((each for each in streams if each.get("codec_type") == "video"), {})
    frame: Mapping[str, Any] = next(iter(output.get("frames", ())), {})
    if stream.get("pix_fmt"):
        return stream, frame
    decoded = decode_first_frame(head, runner=runner, tools=tools, name=name)
    # FFmpeg has already cropped the frame.
    return {**stream, **({**decoded.as_stream(), "side_data_list": ()} if decoded else {})}, frame


def _undecodable(track: Track, codec: str | None) -> InputError | UnsupportedError:
    if codec and codec != "unknown":
        return InputError(
            f"the first frame cannot be decoded: its {codec} stream is damaged",
            remedy="play the file in a player; if that fails too, copy it again from the card",
            reason="damaged",
        )
    return UnsupportedError(
        f"FFmpeg has no decoder for this video ({track.format!r})",
        remedy="convert it first with the camera maker's program, for example to H.264, HEVC or ProRes",
        reason="unsupported-video",
    )


def _bit_depth(pixel_format: str) -> int:
    match = _DEPTH.search(pixel_format)
    return int(match[1]) if match else 8


def _color(name: str, stream: Mapping[str, Any], frame: Mapping[str, Any]) -> str:
    """Return a color property of the frame (HLG may be signaled in an SEI message), else of the stream."""
    for value in (frame.get(name), stream.get(name)):
        if value and value not in {"unknown", "reserved", "unspecified"}:
            return str(value)
    return "unknown"


def _is_full_range(pixel_format: str, ranges: set[Any]) -> bool:
    """Return whether black is 0; unspecified RGB and gray are full range, unspecified YCbCr is not."""
    unspecified = not ranges & {"tv", "pc"}
    return (
        "pc" in ranges
        or pixel_format.startswith("yuvj")
        or (unspecified and (is_rgb(pixel_format) or is_grey(pixel_format)))
    )


def _is_interlaced(stream: Mapping[str, Any], frame: Mapping[str, Any]) -> bool:
    return stream.get("field_order") in {"tt", "bb", "tb", "bt"} or bool(frame.get("interlaced_frame"))


def _subtitles(src: ByteRanges, movie: Movie) -> list[SubtitleFacts]:
    return [subtitle_facts(each) for each in subtitle_tracks(movie, src)]


def _telemetry(src: ByteRanges, movie: Movie) -> TelemetryFacts | None:
    track = movie.first_track("telemetry")
    if track is None:
        return None
    size = track.samples.size
    return TelemetryFacts(payloads=len(size), bytes=int(size.sum()), sha256=samples_digest(src, track))
