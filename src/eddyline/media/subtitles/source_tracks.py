"""Subtitles of a source: the tracks that renditions carry, and their cues as FFmpeg decodes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from eddyline.core.errors import InputError, ToolError
from eddyline.core.formatting import printable_line
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.ffprobe import classify_tool_error, run_ffprobe
from eddyline.media.source.sniff import detect_container, read_head
from eddyline.media.source.source import SubtitleFacts
from eddyline.media.subtitles.cues import MAX_CUES, MAX_TEXT_BYTES, MAX_TRACKS, Cue, parse_srt
from eddyline.media.subtitles.webvtt_samples import read_cues
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.captions import CAPTION_CODEC, write_caption_track
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.entries.track_labels import FORCED_SUBTITLE_ROLE
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import copy_tracks

HANDLERS: Final = frozenset({"sbtl", "subt", "subp", "text", "clcp"})
"""The handlers of subtitle tracks (ISO/IEC 14496-12 section 12.6; QuickTime's "text" and "clcp")."""
CODECS: Final = frozenset(
    {"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "eia_608", "microdvd", "mpl2"}
    | {"jacosub", "sami", "realtext", "subviewer", "subviewer1", "vplayer", "pjs", "stl"}
)
"""The subtitle codecs of text, by FFmpeg's names; others are images."""

NOT_TEXT: Final = "its subtitles are images, or FFmpeg decodes them as images, which WebVTT cannot hold"
TOO_MANY: Final = f"the limit is {MAX_TRACKS} subtitle tracks"
_FORMATS = {"tx3g": "mov_text", "text": "mov_text", "c608": "eia_608", "wvtt": "webvtt"}
_IMAGES = frozenset({"mp4s", "subp", "dvbs", "pgs "})
_WVTT = "wvtt"
_MAX_TITLE = 100  # characters
_MIN_DISK_SPEED = 4 * 1024 * 1024  # bytes/s, for the time limit
_ALL_FORCED, _FLAGS_AT = 0x80, 32  # first byte of tx3g's displayFlags, from the start of stsd


def subtitle_tracks(movie: Movie, src: ByteRanges) -> list[Track]:
    """Return the subtitle tracks of an MP4 or MOV that renditions carry, in file order."""
    return [track for track in movie.tracks if not unsupported_reason(movie, track, src)][:MAX_TRACKS]


def is_subtitle(movie: Movie, track: Track) -> bool:
    """Return whether the track has subtitles of any format, and not chapters."""
    chapters = {number for each in movie.tracks for number in each.references.get("chap", ())}
    return track.kind == "other" and track.handler in HANDLERS and track.number not in chapters


def unsupported_reason(movie: Movie, track: Track, src: ByteRanges) -> str:
    """Return why the subtitles of a track are omitted; "" if they are carried."""
    samples = track.samples
    if not is_subtitle(movie, track):
        return "it has no subtitles"
    if track.encrypted:
        return "it is encrypted"
    if track.format not in _FORMATS:
        return NOT_TEXT if track.format in _IMAGES else "FFmpeg has no decoder for this format"
    if len(samples) and int((samples.offset + samples.size).max()) > src.size:
        return "its samples are outside the file"
    # Half of the samples of timed text may be gaps between cues, and captions have one for each frame.
    if int(samples.size.sum()) > MAX_TEXT_BYTES or len(samples) > 40 * MAX_CUES:
        return f"it has more than {MAX_TEXT_BYTES >> 20} MiB of text"
    return ""


def subtitle_facts(track: Track) -> SubtitleFacts:
    """Return the facts of a subtitle track from the index."""
    forced = track.format == "tx3g" and track.stsd[_FLAGS_AT : _FLAGS_AT + 1] >= bytes([_ALL_FORCED])
    return SubtitleFacts(
        track=track.number,
        codec=_FORMATS[track.format],
        language=track.language or "und",
        title=track_title(track.title or track.name),
        default=track.enabled,
        forced=forced or FORCED_SUBTITLE_ROLE in track.roles,
    )


def caption_facts(video: Track) -> SubtitleFacts:
    """Return the facts of closed captions in a video track; their language is unknown."""
    return SubtitleFacts(track=video.number, codec=CAPTION_CODEC, title="Closed captions")


def track_title(name: str) -> str:
    """Return the name of a track, or "" for a default name such as "SoundHandler"."""
    return "" if "handler" in name.lower() else printable_line(name, _MAX_TITLE)


def subtitle_streams(streams: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the subtitle streams of another container that renditions carry, from ffprobe's list."""
    text = (
        each for each in streams if each.get("codec_type") == "subtitle" and each.get("codec_name") in CODECS
    )
    return list(text)[:MAX_TRACKS]


def stream_facts(stream: Mapping[str, Any]) -> SubtitleFacts:
    """Return the facts of a subtitle stream of another container from ffprobe; `track` is its index."""
    tags, flags = stream.get("tags") or {}, stream.get("disposition") or {}
    language = str(tags.get("language", "und")).lower()
    return SubtitleFacts(
        track=int(stream["index"]),
        codec=str(stream["codec_name"]),
        language=language if len(language) == 3 and language.isascii() and language.isalpha() else "und",  # noqa: PLR2004 - ISO 639-2
        title=track_title(str(tags.get("title", ""))),
        default=bool(flags.get("default")),
        forced=bool(flags.get("forced")),
    )


def parse_chapters(description: Mapping[str, Any]) -> Iterator[tuple[Fraction, str]]:
    """Yield the chapters in ffprobe's output, relative to the first time of the file as in the MP4."""
    start = _seconds((description.get("format") or {}).get("start_time"))
    for each in description.get("chapters", ()):
        title = printable_line(str((each.get("tags") or {}).get("title", "")), _MAX_TITLE)
        yield _seconds(each.get("start_time")) - start, title


def _seconds(value: object) -> Fraction:
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def extract_text(path: Path, work: Path, *, tools: Toolchain, runner: Runner) -> ExtractedText:
    """Return the subtitles and chapters of a local file, which remuxing to MP4 does not keep exactly.

    Each subtitle stream becomes a file of SubRip text in the directory `work`.
    """
    demuxer = detect_container(read_head(path))
    options = ("-show_streams", "-show_chapters", "-show_format")
    description = run_ffprobe(path, *options, tools=tools, runner=runner, demuxer=demuxer)
    chapters = tuple(parse_chapters(description))
    facts = [stream_facts(each) for each in subtitle_streams(description.get("streams", ()))]
    targets = {each.track: work / f"subtitles-{number}.srt" for number, each in enumerate(facts)}
    if not targets:
        return ExtractedText(chapters=chapters)
    input_options = ("-format_whitelist", demuxer, "-f", demuxer)
    try:
        extract_srt(path, targets, tools=tools, runner=runner, options=input_options)
        return ExtractedText(facts=tuple(facts), files=tuple(targets.values()), chapters=chapters)
    except InputError as error:
        why = f"they cannot be decoded ({error.message})"
        omitted = [
            LeftOut(kind="subtitle", what=f"stream {each.track} ({each.codec})", why=why) for each in facts
        ]
        return ExtractedText(left_out=tuple(omitted), chapters=chapters)


@dataclass(frozen=True, kw_only=True)
class ExtractedText:
    """The text of a container other than MP4: `files` has the SubRip text of each of `facts`.

    `chapters` are (seconds from the start, title) from ffprobe; FFmpeg's MP4 moves the first one to 0.
    """

    facts: tuple[SubtitleFacts, ...] = ()
    files: tuple[Path, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    chapters: tuple[tuple[Fraction, str], ...] = ()


def cues_of_track(
    src: ByteRanges, movie: Movie, track: Track, *, work: Path, tools: Toolchain, runner: Runner
) -> tuple[Cue, ...]:
    """Return the cues of one track of an MP4 or MOV in movie time, with edit lists applied.

    For a video track these are its closed captions. Reads only the track, by ranges. Raises `InputError` if
    it cannot be decoded, or exceeds the limits in `cues`.
    """
    if track.format == _WVTT:
        return read_cues(src, movie, track)
    if track.kind == "video":
        extracted = work / "captions.mov"
        write_caption_track(src, track, build_presentation(movie, track), extracted)
        return _decode(extracted, tools=tools, runner=runner)
    if not len(track.samples):
        return ()
    extracted = work / f"subtitles-{track.number}.mp4"
    copy_tracks(src, movie, [track], extracted)
    return _decode(extracted, tools=tools, runner=runner)


def _decode(extracted: Path, *, tools: Toolchain, runner: Runner) -> tuple[Cue, ...]:
    """Return the cues of a file with one subtitle track."""
    out = extracted.with_suffix(".srt")
    # -copyts: otherwise FFmpeg moves the first cue to 0.
    extract_srt(extracted, {0: out}, tools=tools, runner=runner, options=("-copyts",))
    return read_srt(out)


def extract_srt(
    path: Path,
    targets: dict[int, Path],
    *,
    tools: Toolchain,
    runner: Runner,
    options: Sequence[str] = (),
) -> None:
    """Write streams (by their index) of a local file as SubRip text, in one pass.

    `options` are input options. Raises `InputError` if FFmpeg cannot decode them, `ToolError` if it was
    stopped.
    """
    argv = [str(tools.ffmpeg), *FFMPEG_BASE, "-y", *options, *input_args(path)]
    for index, out in targets.items():
        argv += ["-map", f"0:{index}", "-c:s", "srt", "-fs", str(MAX_TEXT_BYTES), "-f", "srt", f"file:{out}"]
    try:
        runner.run(tuple(argv), limits=Limits(wall_s=60 + path.stat().st_size / _MIN_DISK_SPEED))
    except ToolError as error:
        raise classify_tool_error(error, "the subtitles cannot be decoded") from error


def read_srt(path: Path) -> tuple[Cue, ...]:
    """Return the cues of a file written by `extract_srt`. Raises `InputError` beyond the limits."""
    if not path.is_file():
        return ()
    if path.stat().st_size >= MAX_TEXT_BYTES:
        raise InputError(
            f"a subtitle track has more than {MAX_TEXT_BYTES >> 20} MiB of text",
            remedy="remove the subtitle track, or divide the recording",
        )
    return parse_srt(path.read_text("utf-8", "replace"))
