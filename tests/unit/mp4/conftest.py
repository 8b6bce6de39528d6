"""Short clips of the wheel's FFmpeg, each with one unusual property, and FFmpeg's frames of a file."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.mp4.movies import Clip

from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges

_VIDEO = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=30000/1001")
_TONE = ("-f", "lavfi", "-i", "sine=frequency=997:sample_rate=48000")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1")
_OPEN_X264 = "open-gop=1:keyint=12:min-keyint=12:scenecut=0:bframes=3:b-pyramid=normal:b-adapt=0:ref=3"
_OPEN_X265 = "open-gop=1:keyint=12:min-keyint=12:scenecut=0:bframes=3:log-level=none:pools=1"
_CLOSED = "open-gop=0:keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0"
_VARIED = "select='not(eq(mod(n,7),3))+eq(mod(n,5),2)',setpts='PTS+mod(N,4)*7/30000/TB'"

# name -> (suffix, FFmpeg options after the video input)
CLIPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "open_gop_h264": ("mp4", ("-frames:v", "50", *_X264, "-x264-params", _OPEN_X264)),
    "open_gop_hevc": (
        "mp4",
        ("-frames:v", "50", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", _OPEN_X265),
    ),
    "closed_gop": ("mp4", ("-frames:v", "50", *_X264, "-x264-params", _CLOSED)),
    "vfr": (
        "mp4",
        ("-frames:v", "40", "-vf", _VARIED, "-fps_mode", "passthrough", *_X264, "-x264-params", _OPEN_X264),
    ),
    "mov": ("mov", ("-frames:v", "50", *_X264, "-x264-params", _OPEN_X264)),
    "moov_first": (
        "mp4",
        ("-frames:v", "30", *_X264, "-x264-params", _CLOSED, "-movflags", "+faststart"),
    ),
    "fragmented": (
        "mp4",
        ("-frames:v", "50", *_X264, "-x264-params", _OPEN_X264, "-movflags", "frag_keyframe+empty_moov"),
    ),
    "fragmented_from_moof": (
        "mp4",
        (
            "-frames:v",
            "50",
            *_X264,
            "-x264-params",
            _CLOSED,
            "-movflags",
            "frag_keyframe+empty_moov+default_base_moof+delay_moov",
            "-frag_duration",
            "300000",
        ),
    ),
    "one_frame": ("mp4", ("-frames:v", "1", *_X264)),
    "all_intra": ("mp4", ("-frames:v", "12", *_X264, "-g", "1")),
    "mjpeg": ("mov", ("-frames:v", "12", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")),
    "negative_offsets": (
        "mp4",
        ("-frames:v", "50", *_X264, "-x264-params", _OPEN_X264, "-movflags", "negative_cts_offsets"),
    ),
    "intra_refresh": (
        "mp4",
        ("-frames:v", "40", *_X264, "-x264-params", "intra-refresh=1:keyint=12:min-keyint=12:bframes=0"),
    ),
    "no_recovery_message": (
        "mp4",
        ("-frames:v", "40", *_X264, "-x264-params", _OPEN_X264, "-bsf:v", "filter_units=remove_types=6"),
    ),
    "interlaced": (
        "mp4",
        (
            "-vf",
            "scale=160:96,tinterlace=interleave_top",
            "-frames:v",
            "20",
            "-flags",
            "+ildct+ilme",
            *_X264,
            "-x264-params",
            _OPEN_X264,
        ),
    ),
    "transport_stream": ("ts", ("-frames:v", "50", *_X264, "-x264-params", _OPEN_X264)),
    "ten_bit": (
        "mp4",
        (
            "-frames:v",
            "20",
            "-pix_fmt",
            "yuv420p10le",
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-x265-params",
            _OPEN_X265,
        ),
    ),
    "delayed": (
        "mp4",
        (
            "-frames:v",
            "30",
            "-vf",
            "setpts=PTS+0.3/TB",
            "-fps_mode",
            "passthrough",
            *_X264,
            "-x264-params",
            _CLOSED,
        ),
    ),
}

# name -> (clip it is cut from without encoding, FFmpeg options)
COPIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "trimmed_copy": ("open_gop_h264", ()),
    "trimmed_copy_hevc": ("open_gop_hevc", ()),
    "bare_cut": ("open_gop_h264", ("-use_editlist", "0")),
    "bare_cut_hevc": ("open_gop_hevc", ("-use_editlist", "0")),
    "rewrapped": ("transport_stream", ()),
    "shifted": ("open_gop_h264", ("-copyts", "-avoid_negative_ts", "disabled")),
}


def _run(ffmpeg: str, *arguments: str) -> str:
    command = (ffmpeg, "-nostdin", "-v", "error", "-y", "-protocol_whitelist", "file,pipe,lavfi", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def run_ffmpeg(ffmpeg: str) -> Callable[..., str]:
    """Runs the wheel's FFmpeg with these arguments and returns its output."""
    return lambda *arguments: _run(ffmpeg, *arguments)


@pytest.fixture(scope="session")
def make_clip(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Creates one of the clips, once per session, and returns its path."""
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str) -> Path:
        if name in COPIES:
            origin, options = COPIES[name]
            out = folder / f"{name}.mp4"
            if not out.exists():
                start = () if origin == "transport_stream" else ("-ss", "0.61")
                _run(ffmpeg, *start, "-i", str(make(origin)), "-c", "copy", *options, str(out))
            return out
        suffix, options = CLIPS[name]
        out = folder / f"{name}.{suffix}"
        if not out.exists():
            tone = (*_TONE, "-shortest", "-c:a", "aac") if name == "closed_gop" else ()
            _run(ffmpeg, *_VIDEO, *tone, "-pix_fmt", "yuv420p", *options, str(out))
        return out

    return make


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Clip]]:
    """Opens a file and reads its index; closes it after the test."""
    sources: list[FileRanges] = []

    def read(path: Path) -> Clip:
        sources.append(FileRanges(path))
        return Clip(path=path, source=sources[-1], movie=read_movie(sources[-1]))

    yield read
    for source in sources:
        source.close()


@pytest.fixture(scope="session")
def frames(ffmpeg: str) -> Callable[..., list[tuple[int, str]]]:
    """Returns (pts in the time base of the file, MD5) of every frame that FFmpeg outputs for a file."""

    def decode(path: Path, *, trim: tuple[int, int] | None = None) -> list[tuple[int, str]]:
        trim_filter = ("-vf", f"trim=start_pts={trim[0]}:end_pts={trim[1]}") if trim else ()
        text = _run(
            ffmpeg, "-threads", "1", "-copyts", "-i", str(path), "-map", "0:v:0", *trim_filter,
            "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framemd5", "-",
        )  # fmt: skip
        rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
        return [(int(row[2]), row[5].strip()) for row in rows]

    return decode


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """Writes the video of a clip with another edit list: (media time, duration) in the track's ticks."""

    def rewrite(path: Path, edits: list[tuple[int, int]], *, timescale: int | None = None) -> Path:
        out = tmp_path / "edited.mp4"
        with FileRanges(path) as source:
            movie = read_movie(source)
            track = movie.first_track("video")
            assert track is not None
            ticks = timescale or track.timescale
            rows = tuple(
                Edit(media_time=start, duration=length * ticks // track.timescale) for start, length in edits
            )
            write_mp4(out, [replace(passthrough(movie, track, source), edits=rows)], timescale=ticks)
        return out

    return rewrite
