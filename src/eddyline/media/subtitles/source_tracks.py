"""Subtitles of a source: which of its tracks are carried, and their cues, as FFmpeg decodes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from eddyline.core.errors import InputError, ToolError
from eddyline.core.process import Limits, Runner
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
"""The handlers of tracks of subtitles (ISO/IEC 14496-12 section 12.6; QuickTime's "text" and "clcp")."""
CODECS: Final = frozenset(
    {
        "subrip",
        "srt",
        "ass",
        "ssa",
        "webvtt",
        "mov_text",
        "text",
        "eia_608",
        "microdvd",
        "mpl2",
        "jacosub",
        "sami",
    }
    | {"realtext", "subviewer", "subviewer1", "vplayer", "pjs", "stl"}
)
"""Codecs of subtitles, as FFmpeg names them, that are text; the others are images."""

NOT_TEXT: Final = "its subtitles are images, or FFmpeg decodes them as images, which WebVTT cannot hold"
TOO_MANY: Final = f"only the first {MAX_TRACKS} subtitle tracks are carried"
_FORMATS = {"tx3g": "mov_text", "text": "mov_text", "c608": "eia_608", "wvtt": "webvtt"}
_IMAGES = frozenset({"mp4s", "subp", "dvbs", "pgs "})
_WVTT = "wvtt"
_SLOWEST_DISK = 4 * 1024 * 1024  # bytes/s that any disk can be expected to read
_ALL_FORCED, _FLAGS_AT = 0x80, 32  # first byte of tx3g's displayFlags, from the start of stsd


def subtitle_tracks(movie: Movie, src: ByteRanges) -> list[Track]:
    """The tracks of an MP4 or MOV whose subtitles are carried, in file order."""
    return [track for track in movie.tracks if not unsupported_reason(movie, track, src)][:MAX_TRACKS]


def is_subtitle(movie: Movie, track: Track) -> bool:
    """Whether the track holds subtitles, of whatever format, and not the movie's chapters."""
    chapters = {number for each in movie.tracks for number in each.references.get("chap", ())}
    return track.kind == "other" and track.handler in HANDLERS and track.number not in chapters


def unsupported_reason(movie: Movie, track: Track, src: ByteRanges) -> str:
    """Why a track's subtitles are not carried; empty where they are. For other tracks: that they are none."""
    samples = track.samples
    if not is_subtitle(movie, track):
        return "it has no subtitles"
    if track.encrypted:
        return "it is encrypted"
    if track.format not in _FORMATS:
        text = "FFmpeg has no decoder for this format"
        return NOT_TEXT if track.format in _IMAGES else text
    if len(samples) and int((samples.offset + samples.size).max()) > src.size:
        return "its samples lie outside the file"
    # Half of the samples of timed text may be the gaps between cues, and captions have one for each frame.
    if int(samples.size.sum()) > MAX_TEXT_BYTES or len(samples) > 40 * MAX_CUES:
        return f"it has more than {MAX_TEXT_BYTES >> 20} MiB of text"
    return ""


def subtitle_facts(track: Track) -> SubtitleFacts:
    """What the index says of a subtitle track."""
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
    """The closed captions inside a video track; nothing says in which language they are."""
    return SubtitleFacts(track=video.number, codec=CAPTION_CODEC, title="Closed captions")


def track_title(name: str) -> str:
    """A track's name, unless it is one that programs give to every track."""
    return "" if "handler" in name.lower() else printable_title(name)


def printable_title(name: str) -> str:
    """A name in one printable line of at most 100 characters."""
    return "".join(char for char in name if char.isprintable()).strip()[:100]


def subtitle_streams(streams: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of the streams of another container, as ffprobe lists them, those of subtitles that are carried."""
    text = (
        each for each in streams if each.get("codec_type") == "subtitle" and each.get("codec_name") in CODECS
    )
    return list(text)[:MAX_TRACKS]


def stream_facts(stream: Mapping[str, Any]) -> SubtitleFacts:
    """What ffprobe says of a subtitle stream of another container; `track` is its index."""
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


def parse_chapters(answer: Mapping[str, Any]) -> Iterator[tuple[Fraction, str]]:
    """The chapters in ffprobe's answer, counted from the file's first time as in the MP4."""
    began = _seconds((answer.get("format") or {}).get("start_time"))
    for each in answer.get("chapters", ()):
        title = printable_title(str((each.get("tags") or {}).get("title", "")))
        yield _seconds(each.get("start_time")) - began, title


def _seconds(value: object) -> Fraction:
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def extract_text(path: Path, work: Path, *, tools: Toolchain, runner: Runner) -> ExtractedText:
    """What the index of the MP4 that a local file is rewrapped to does not say exactly.

    Its subtitles, each as a file of SubRip text in `work`, and its chapters.
    """
    demuxer = detect_container(read_head(path))
    questions = ("-show_streams", "-show_chapters", "-show_format")
    answer = run_ffprobe(path, *questions, tools=tools, runner=runner, demuxer=demuxer)
    chapters = tuple(parse_chapters(answer))
    facts = [stream_facts(each) for each in subtitle_streams(answer.get("streams", ()))]
    outs = {each.track: work / f"subtitles-{number}.srt" for number, each in enumerate(facts)}
    if not outs:
        return ExtractedText(chapters=chapters)
    options = ("-format_whitelist", demuxer, "-f", demuxer)
    try:
        extract_srt(path, outs, tools=tools, runner=runner, options=options)
        return ExtractedText(facts=tuple(facts), files=tuple(outs.values()), chapters=chapters)
    except InputError as error:
        why = f"they cannot be decoded ({error.message})"
        lost = [
            LeftOut(kind="subtitle", what=f"stream {each.track} ({each.codec})", why=why) for each in facts
        ]
        return ExtractedText(left_out=tuple(lost), chapters=chapters)


@dataclass(frozen=True, kw_only=True)
class ExtractedText:
    """Of another container than MP4: subtitles, `files` having the SubRip text of each of `facts`.

    `chapters` are (seconds from the start, title), as ffprobe lists them: in FFmpeg's MP4 the first is at 0.
    """

    facts: tuple[SubtitleFacts, ...] = ()
    files: tuple[Path, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    chapters: tuple[tuple[Fraction, str], ...] = ()


def cues_of_track(
    src: ByteRanges, movie: Movie, track: Track, *, work: Path, tools: Toolchain, runner: Runner
) -> tuple[Cue, ...]:
    """The cues of one track of an MP4 or MOV, in movie time, edit lists honoured (of video: its captions).

    Only the track is read, by ranges. Raises `InputError` where it cannot be decoded, or is beyond the
    limits of `subtitles`.
    """
    if track.format == _WVTT:
        return read_cues(src, movie, track)
    if track.kind == "video":
        alone = work / "captions.mov"
        write_caption_track(src, track, build_presentation(movie, track), alone)
        return _decoded(alone, tools=tools, runner=runner)
    if not len(track.samples):
        return ()
    alone = work / f"subtitles-{track.number}.mp4"
    copy_tracks(src, movie, [track], alone)
    return _decoded(alone, tools=tools, runner=runner)


def _decoded(alone: Path, *, tools: Toolchain, runner: Runner) -> tuple[Cue, ...]:
    """The cues of a file of one subtitle track, in its own time."""
    out = alone.with_suffix(".srt")
    # -copyts: the first cue may begin late, and FFmpeg would move it to 0.
    extract_srt(alone, {0: out}, tools=tools, runner=runner, options=("-copyts",))
    return read_srt(out)


def extract_srt(
    path: Path,
    outs: dict[int, Path],
    *,
    tools: Toolchain,
    runner: Runner,
    options: Sequence[str] = (),
) -> None:
    """Write streams (by their index) of a local file as SubRip text, all in one pass.

    `options` go before the input. Raises `InputError` where FFmpeg cannot decode them, `ToolError` where it
    was stopped.
    """
    argv = [str(tools.ffmpeg), *FFMPEG_BASE, "-y", *options, *input_args(path)]
    for index, out in outs.items():
        argv += ["-map", f"0:{index}", "-c:s", "srt", "-fs", str(MAX_TEXT_BYTES), "-f", "srt", f"file:{out}"]
    try:
        runner.run(tuple(argv), limits=Limits(wall_s=60 + path.stat().st_size / _SLOWEST_DISK))
    except ToolError as error:
        raise classify_tool_error(error, "the subtitles cannot be decoded") from error


def read_srt(path: Path) -> tuple[Cue, ...]:
    """The cues of a file that `extract_srt` wrote. Raises `InputError` for one beyond the limits."""
    if not path.is_file():
        return ()
    if path.stat().st_size >= MAX_TEXT_BYTES:
        raise InputError(
            f"a subtitle track has more than {MAX_TEXT_BYTES >> 20} MiB of text",
            remedy="remove the subtitle track, or divide the recording",
        )
    return parse_srt(path.read_text("utf-8", "replace"))
