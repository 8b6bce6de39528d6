"""Puts the demo clip together: FFmpeg's picture and tone, our telemetry, in an MP4 of our own muxer."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import UsageError
from eddyline.core.process import Limits, Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece, passthrough
from eddyline.pipeline.demo_clip.payloads import Payload, payloads, settings
from eddyline.pipeline.demo_clip.trip import ALTITUDE_M, LATITUDE, LONGITUDE
from eddyline.store.ranges import FileRanges

RATE = Fraction(30000, 1001)
BEGAN = datetime(2025, 6, 21, 10, 0, tzinfo=UTC)
TONE_HZ = 997
_MP4_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_TIMESCALE = 90_000
_LONGEST_S = 600
_SECONDS_A_SECOND = 20  # time limit: how long FFmpeg may take for each second of picture
_HIGHLIGHT_BYTES = 404  # HMMT: a count, then room for 100 times in ms

# Water that flows: two layers of noise, one drifting over the other, coloured from deep to foam, with grain.
# All of it is worked out small and enlarged once; the light changes, so that no two moments look alike. The
# mirrored copy makes the drifting layer endless. Seeds are fixed: the same picture every time.
_PICTURE = (
    "perlin=s=192x240:r={rate}:octaves=4:persistence=0.6:xscale=11:yscale=26:tscale=0.9"
    ":random_mode=seed:random_seed=11,format=gray,split[a][b];[b]hflip[c];[a][c]hstack,"
    "scroll=horizontal=0.0027,crop=192:240:0:0[near];"
    "perlin=s=64x60:r={rate}:octaves=2:xscale=3:yscale=6:tscale=0.35:random_mode=seed:random_seed=5,"
    "format=gray,scale=192:240:flags=bicubic+bitexact[far];"
    "[near][far]blend=all_mode=overlay,format=gbrp,"
    "lutrgb=r='clip(8+pow(val/255,2.6)*300,0,255)':g='clip(38+pow(val/255,1.35)*235,0,255)'"
    ":b='clip(58+pow(val/255,1.1)*205,0,255)',"
    "scale={width}:{height}:out_color_matrix=bt709:out_range=tv:flags=bicubic+bitexact,format=yuv420p,"
    "hue=h='6+24*sin(2*PI*t/24)':s='0.95+0.2*sin(2*PI*t/17)',noise=c0s=4:c0f=t:all_seed=3,setsar=1,"
    "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709[picture]"
)


def make_clip(
    out: Path,
    *,
    seconds: int = 20,
    width: int = 1280,
    height: int = 720,
    tools: Toolchain | None = None,
    runner: Runner | None = None,
) -> Path:
    """Write the clip to `out` and return its path; the same arguments and FFmpeg give the same bytes.

    29.97 frames/s, H.264 with B-frames and a keyframe every 61 frames, a 997 Hz tone, a gpmd track with
    ACCL, GYRO and GPS5, two HiLights. `seconds` from 1 to 600. Raises `UsageError`, `ToolError`,
    `TransientError` (the disk).
    """
    if not 1 <= seconds <= _LONGEST_S:
        raise UsageError(f"a clip of {seconds} s", remedy=f"ask for 1 to {_LONGEST_S} seconds")
    tools, runner = tools or Toolchain.find(), runner or Runner()
    with atomic_output(out) as aside:
        film, raw = aside.work / "film.mp4", aside.work / "telemetry.gpmf"
        argv = command(tools.ffmpeg, film, seconds=seconds, width=width, height=height)
        runner.run(argv, limits=Limits(wall_s=60 + seconds * _SECONDS_A_SECOND))
        _join(film, raw, aside.file)
    return out


def command(ffmpeg: Path, film: Path, *, seconds: int, width: int, height: int) -> tuple[str, ...]:
    """FFmpeg's command line for picture and tone."""
    frames = round(seconds * RATE)
    length = str(float(frames / RATE))
    picture = _PICTURE.format(rate=RATE, width=width, height=height)
    return (
        str(ffmpeg),
        *FFMPEG_BASE,
        "-y",
        *("-filter_complex", picture, "-f", "lavfi", "-i", f"sine=frequency={TONE_HZ}:sample_rate=48000"),
        *("-map", "[picture]", "-map", "0:a", "-frames:v", str(frames), "-t", length),
        *("-c:v", "libx264", "-preset", "superfast", "-crf", "22", "-g", "61", "-bf", "2"),
        # A fixed number of threads: x264's choices depend on it, not on the machine.
        *(
            "-threads",
            "2",
            "-x264-params",
            "threads=2:lookahead-threads=1:keyint=61:min-keyint=61:scenecut=0",
        ),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-video_track_timescale", str(_TIMESCALE)),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-f", "mp4", str(film)),
    )


def _join(film: Path, raw: Path, whole: Path) -> None:
    with FileRanges(film) as source:
        movie = read_movie(source)
        video = movie.tracks_of_kind("video")[0]
        duration_ms = round(1000 * video.duration / video.timescale)
        told = list(payloads(duration_ms, BEGAN))
        raw.write_bytes(b"".join(each.data for each in told))
        tracks = [passthrough(movie, track, film) for track in movie.tracks]
        write_mp4(
            whole,
            [*tracks, _telemetry_track(raw, told)],
            timescale=movie.timescale,
            creation_time=int((BEGAN - _MP4_EPOCH).total_seconds()),
            udta=_udta([duration_ms // 4, duration_ms * 3 // 5]),
            brand="mp41",
        )


def _telemetry_track(raw: Path, told: Sequence[Payload]) -> OutputTrack:
    """The gpmd track as cameras write it: handler meta, timescale 1000, a sample entry without fields."""
    size = np.array([len(each.data) for each in told], np.int64)
    entry = make_box("gpmd", bytes(6), struct.pack(">H", 1), bytes(4))
    return OutputTrack(
        handler="meta",
        name="GoPro MET",  # readers look for this very name
        timescale=1000,
        stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), entry),
        media_header=make_box("gmhd", make_full_box("gmin", 0, 0, bytes(12)), make_box("gpmd", bytes(4))),
        pieces=(Piece(source=raw, offset=np.cumsum(size) - size, size=size),),
        duration=np.array([each.duration_ms for each in told], np.int64),
    )


def _udta(highlights_ms: Sequence[int]) -> bytes:
    """What a camera keeps beside its tracks: firmware, HiLights, the place (ISO 6709), its settings."""
    place = f"{LATITUDE:+08.4f}{LONGITUDE:+09.4f}{ALTITUDE_M:+08.3f}/".encode()
    marks = struct.pack(f">{1 + len(highlights_ms)}I", len(highlights_ms), *highlights_ms)
    return b"".join(
        (
            make_box("FIRM", b"EDY.01.00.00\0\0\0"),
            make_box("HMMT", marks.ljust(_HIGHLIGHT_BYTES, b"\0")),
            make_box("\xa9xyz", struct.pack(">HH", len(place), 0x15C7), place),  # 0x15C7: "eng" packed
            make_box("GPMF", settings()),
        )
    )
