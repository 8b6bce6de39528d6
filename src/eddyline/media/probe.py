"""Looks at footage: what it is, whether it can be processed, and every fact the later steps need.

The index gives frames and times; FFmpeg's own reading of the first frame gives pixels and colours. Only
ranges of the source are read: the first frame and the first bits of sound are cut into small local files.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.core.process import Runner
from eddyline.core.timebase import nominal_rate
from eddyline.media.ffprobe import ask
from eddyline.media.fingerprint import fingerprint
from eddyline.media.remux import to_mp4
from eddyline.media.sniff import container_of, first_bytes, sniff
from eddyline.media.source import AudioFacts, SourceFacts, TelemetryFacts, VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.mux import Piece, passthrough, write
from eddyline.mp4.presentation import Presentation, presentation
from eddyline.mp4.ranges import ByteRanges, FileRanges, Ints
from eddyline.mp4.slice import cut, sample_bytes

__all__ = ["Footage", "fingerprint", "main_video", "open_footage", "probe", "sniff"]

LARGEST_SIDE: Final = 16_384  # pixels; AV1 and HEVC level 6.2 end there
LARGEST_PICTURE: Final = 268_435_456  # pixels, 16384 x 16384
MOST_FRAMES: Final = 24 * 3600 * 240  # a day at 240 fps
_FASTEST, _SLOWEST = Fraction(1000), Fraction(1, 3600)  # frames/s
_STILL_FORMATS = frozenset({"jpeg", "png ", "tiff", "gif "})
_SOUND_SAMPLES = 8  # enough for any decoder to say what it is
_DEPTH = re.compile(r"(?:p|gray|nv|x2?|rgb|bgr)0?(9|10|12|14|16)(?:le|be|msble|msbbe)?$")


@dataclass(frozen=True, kw_only=True)
class Footage:
    """A source made readable: a local MP4 or MOV (`path`), its index, and the container it came in."""

    path: Path
    movie: Movie
    container: str


def open_footage(path: Path, *, work: Path, runner: Runner, tools: Toolchain) -> Footage:
    """Footage from a local file, rewrapped into `work` first where it is neither MP4 nor MOV.

    Raises `InputError` (each kind of bad footage in its own words), `UnsupportedError`, `MissingError`.
    """
    container = container_of(first_bytes(path))
    if container not in {"mp4", "mov"}:
        wrapped = work / "remuxed.mp4"
        to_mp4(path, wrapped, runner=runner, tools=tools)
        path = wrapped
    with FileRanges(path) as src:
        movie = read_movie(src)
    main_video(movie)
    return Footage(path=path, movie=movie, container=container)


def main_video(movie: Movie) -> Track:
    """The video track to process: the first enabled one that is no cover picture.

    Raises `InputError`: no video, sound alone, encrypted, or more pixels or frames than any camera gives.
    """
    videos = [track for track in movie.of_kind("video") if track.format not in _STILL_FORMATS]
    videos = videos or list(movie.of_kind("video"))
    if not videos:
        raise _no_video(movie)
    track = next((each for each in videos if each.enabled), videos[0])
    if track.encrypted:
        raise InputError(
            "the footage is encrypted (its samples are protected by DRM)",
            remedy="give an unprotected copy: Eddyline has no keys and asks for none",
        )
    _check_size(track.width, track.height)
    if len(track.samples) > MOST_FRAMES:
        raise InputError(
            f"the header claims {len(track.samples)} frames, more than a day at 240 frames/s",
            remedy="the file is damaged or made to harm: do not process it",
        )
    if not len(track.samples):
        raise InputError(
            "the video track is empty: there is not one frame in it",
            remedy="the recording ended before it began: record again, or repair the file in the camera",
        )
    return track


def _no_video(movie: Movie) -> InputError:
    if movie.first("audio") is not None:
        return InputError(
            "this is sound alone: there is no picture to encode",
            remedy="give the video that the sound belongs to",
        )
    return InputError("there is no video track in this file", remedy="give the video itself")


def _check_size(width: int, height: int) -> None:
    if max(width, height) > LARGEST_SIDE or width * height > LARGEST_PICTURE:
        raise InputError(
            f"the header claims a picture of {width}x{height}; {LARGEST_SIDE} pixels a side is the most",
            remedy="the file is damaged or made to harm; if it is real, scale it down first",
        )


def probe(
    src: ByteRanges,
    movie: Movie,
    *,
    runner: Runner,
    tools: Toolchain,
    work: Path,
    original: ByteRanges | None = None,
    container: str | None = None,
) -> SourceFacts:
    """Everything known about a source, by range reads.

    `work` is a folder for small files, removed again. For rewrapped footage, `src` and `movie` are the MP4's,
    while `original` and `container` say what came in: bytes and fingerprint are the original's.
    Raises `InputError` and `UnsupportedError` as `main_video` does, or where the first frame is unreadable.
    """
    track = main_video(movie)
    shown = presentation(movie, track)
    if not len(shown):
        raise InputError(
            "no frame of the video is ever shown: nothing can be decoded within its edit list",
            remedy="copy the file again, or export it again from the program that edited it",
        )
    arrived = original or src
    return SourceFacts(
        bytes=arrived.size,
        fingerprint=fingerprint(arrived, None if original else movie),
        duration_s=round(shown.end / track.timescale, 6),
        container=container or ("mov" if movie.brand in {"qt  ", ""} else "mp4"),
        video=_video(src, movie, track, shown, runner=runner, tools=tools, work=work),
        audio=_audio(src, movie, runner=runner, tools=tools, work=work),
        telemetry=_telemetry(src, movie),
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
) -> VideoFacts:
    head = work / "first-frame.mp4"
    try:
        cut(src, movie, track, 0, 1, head, shown=shown)
        answer = ask(head, "-show_streams", "-show_frames", tools=tools, runner=runner)
    finally:
        head.unlink(missing_ok=True)
    stream: dict[str, Any] = next(
        (each for each in answer.get("streams", ()) if each.get("codec_type") == "video"), {}
    )
    frame: dict[str, Any] = next(iter(answer.get("frames", ())), {})
    width, height = int(stream.get("width", 0)), int(stream.get("height", 0))
    if not (width and height and stream.get("pix_fmt")):
        raise _undecodable(track, stream.get("codec_name"))
    _check_size(width, height)
    fps, variable = _rate(shown, track.timescale)
    pixels = str(stream["pix_fmt"])
    return VideoFacts(
        codec=str(stream.get("codec_name", "unknown")),
        width=width,
        height=height,
        rotation=track.rotation,
        pixel_aspect=_pixel_aspect(stream, track),
        fps=fps,
        frames=len(shown),
        variable_rate=variable,
        pixel_format=pixels,
        bit_depth=_bit_depth(pixels),
        transfer=_colour("color_transfer", stream, frame),
        primaries=_colour("color_primaries", stream, frame),
        matrix=_colour("color_space", stream, frame),
        full_range=pixels.startswith("yuvj") or "pc" in {stream.get("color_range"), frame.get("color_range")},
        interlaced=_interlaced(stream, frame),
        timescale=track.timescale,
    )


def _undecodable(track: Track, codec: str | None) -> InputError | UnsupportedError:
    if codec and codec != "unknown":
        return InputError(
            f"the first frame cannot be decoded: its {codec} stream is damaged",
            remedy="play the file in a player; if that fails too, copy it again from the card",
        )
    return UnsupportedError(
        f"FFmpeg knows no decoder for this picture ({track.format!r})",
        remedy="convert it first with the camera maker's program, for example to H.264, HEVC or ProRes",
    )


def _rate(shown: Presentation, timescale: int) -> tuple[Fraction, bool]:
    """The nominal frame rate, and whether frames stray from an even beat.

    A beat rounded to ticks, or to the milliseconds of Matroska, is even; frames left out or held are not.
    """
    count = len(shown)
    if count == 1:
        mean = Fraction(timescale, max(1, int(shown.end - shown.pts[0])))
        return min(max(nominal_rate(mean), _SLOWEST), _FASTEST), False
    span = max(1, int(shown.pts[-1] - shown.pts[0]))
    mean = Fraction(timescale * (count - 1), span)
    rate = nominal_rate(mean)
    variable = _strays(shown.pts, span, timescale)
    if not variable:
        rate = _within_rounding(rate, mean, shown.pts, timescale)
    return min(max(rate, _SLOWEST), _FASTEST), variable


def _strays(pts: Ints, span: int, timescale: int) -> bool:
    steps = len(pts) - 1
    # Exact in float64 up to 2^53 ticks; a tick more or less is within the tolerance anyway.
    away = (pts - pts[0]) - np.arange(steps + 1) * (span / steps)
    tolerance = max(2.0, min(0.002 * timescale, 0.5 * span / steps))
    return bool(away.max() - away.min() > tolerance)


def _within_rounding(rate: Fraction, mean: Fraction, pts: Ints, timescale: int) -> Fraction:
    """A standard rate that times rounded to milliseconds hide: 30 frames of 29.97 fps measure 29.96."""
    if rate.denominator in {1, 1001}:
        return rate
    steps = np.diff(pts)
    grain = int(np.gcd.reduce(steps)) if len(steps) else 1
    if grain * 1000 < timescale:  # finer than a millisecond: the mean is what it is
        return rate
    span = int(pts[-1] - pts[0])
    for eighth in (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8):
        likely = nominal_rate(mean * span / (span + Fraction(grain * eighth, 8)))
        if likely.denominator in {1, 1001}:
            return likely
    return rate


def _pixel_aspect(stream: dict[str, Any], track: Track) -> Fraction:
    said = re.fullmatch(r"([1-9]\d{0,8}):([1-9]\d{0,8})", str(stream.get("sample_aspect_ratio", "")))
    aspect = Fraction(int(said[1]), int(said[2])) if said else track.pixel_aspect
    # Beyond 10:1 it is an error of the file; the picture would become absurd.
    return aspect if Fraction(1, 10) <= aspect <= 10 else Fraction(1)  # noqa: PLR2004 - said above


def _bit_depth(pixel_format: str) -> int:
    match = _DEPTH.search(pixel_format)
    return int(match[1]) if match else 8


def _colour(name: str, stream: dict[str, Any], frame: dict[str, Any]) -> str:
    """Of the first frame, else of the stream: HLG hides its transfer in a message of the bitstream."""
    for said in (frame.get(name), stream.get(name)):
        if said and said not in {"unknown", "reserved", "unspecified"}:
            return str(said)
    return "unknown"


def _interlaced(stream: dict[str, Any], frame: dict[str, Any]) -> bool:
    return stream.get("field_order") in {"tt", "bb", "tb", "bt"} or bool(frame.get("interlaced_frame"))


def _audio(
    src: ByteRanges, movie: Movie, *, runner: Runner, tools: Toolchain, work: Path
) -> tuple[AudioFacts, ...]:
    tracks = [track for track in movie.of_kind("audio") if len(track.samples)]
    if any(track.encrypted for track in tracks):
        raise InputError(
            "the sound is encrypted (its samples are protected by DRM)", remedy="give an unprotected copy"
        )
    if not tracks:
        return ()
    head = work / "first-sound.mp4"
    try:
        # The brand tells FFmpeg how to read QuickTime's own sound descriptions.
        heads = [_first_samples(src, movie, track) for track in tracks]
        brand = movie.brand or "qt  "
        write(head, heads, timescale=movie.timescale, brand=brand, compatible=(brand,))
        answer = ask(head, "-show_streams", tools=tools, runner=runner)
    finally:
        head.unlink(missing_ok=True)
    streams = [each for each in answer.get("streams", ()) if each.get("codec_type") == "audio"]
    if len(streams) != len(tracks):
        raise UnsupportedError(
            "a sound track cannot be read", remedy="convert the sound first, for example to AAC or PCM"
        )
    return tuple(_sound(track, stream) for track, stream in zip(tracks, streams, strict=True))


def _first_samples(src: ByteRanges, movie: Movie, track: Track) -> Any:  # noqa: ANN401
    first = slice(0, _SOUND_SAMPLES)
    samples = track.samples
    whole = passthrough(movie, track, src)
    return replace(
        whole,
        pieces=(Piece(source=src, offset=samples.offset[first], size=samples.size[first]),),
        duration=samples.duration[first],
        cts_offset=None,
        sync=None,
        description=samples.description[first],
        edits=(),
        references={},
    )


def _sound(track: Track, stream: dict[str, Any]) -> AudioFacts:
    return AudioFacts(
        track=track.number,
        codec=str(stream.get("codec_name", "unknown")),
        channels=int(stream.get("channels", 0)) or track.channels,
        sample_rate=int(stream.get("sample_rate", 0)) or track.sample_rate,
        language=track.language or "und",
        title=track.name,
    )


def _telemetry(src: ByteRanges, movie: Movie) -> TelemetryFacts | None:
    track = movie.first("telemetry")
    if track is None:
        return None
    digest, total = hashlib.sha256(), 0
    for payload in sample_bytes(src, track):
        digest.update(payload)
        total += len(payload)
    return TelemetryFacts(payloads=len(track.samples), bytes=total, sha256=digest.hexdigest())
