from __future__ import annotations

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.errors import InputError, Interrupted, ToolError, UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.media.source import remux
from eddyline.media.source.ffprobe import classify_tool_error, run_ffprobe
from eddyline.media.source.intermediates import Intermediate
from eddyline.media.source.remux import remux_command, remux_to_mp4
from eddyline.media.source.stall_detector import StallDetector
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.mp4.presentation import build_presentation
from eddyline.store.ranges import FileRanges

_VIDEO = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=30000/1001:d=1")
_TONE = ("-f", "lavfi", "-i", "sine=997:r=48000:d=1")
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "bframes=2:keyint=10:open-gop=1")


@dataclass(frozen=True)
class _Remuxed:
    source: Path
    path: Path
    movie: Movie

    @property
    def times(self) -> Ints:
        track = self.movie.first_track("video")
        assert track is not None
        return build_presentation(self.movie, track).pts

    @property
    def formats(self) -> list[str]:
        return [track.format for track in self.movie.tracks_of_kind("audio")]


class _Remuxer:
    def __init__(self, folder: Path, tools: Toolchain) -> None:
        self.folder, self.tools = folder, tools

    def ffmpeg(self, *argv: str) -> str:
        run = subprocess.run(
            [self.tools.ffmpeg, "-v", "error", "-y", *argv], check=True, capture_output=True, text=True
        )
        return run.stdout

    def make(self, name: str, *argv: str) -> Path:
        self.ffmpeg(*argv, str(self.folder / name))
        return self.folder / name

    def remux_source(self, source: Path) -> _Remuxed:
        out = self.folder / "out.mp4"
        remux_to_mp4(source, out, runner=Runner(), tools=self.tools)
        with FileRanges(out) as src:
            return _Remuxed(source=source, path=out, movie=read_movie(src))

    def pixels(self, path: Path) -> list[str]:
        """Returns each frame's checksum in a pixel format that represents the samples of all others."""
        listed = self.ffmpeg(
            *("-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"),
            *("-vf", "format=yuv444p10le|gbrp16le", "-f", "framemd5", "-"),
        )
        return [line.split(",")[-1] for line in listed.splitlines() if not line.startswith("#")]

    def frames(self, path: Path) -> list[str]:
        listed = self.ffmpeg(
            "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"
        )
        return [line.split(",")[-1] for line in listed.splitlines() if not line.startswith("#")]


@pytest.fixture
def remuxer(tmp_path: Path, tools: Toolchain) -> _Remuxer:
    return _Remuxer(tmp_path, tools)


_LOSSLESS = {
    "vp8.webm": ("-c:v", "libvpx", "-b:v", "300k", "-auto-alt-ref", "1", "-lag-in-frames", "16"),
    "odd-vp8.webm": ("-vf", "scale=161:91", "-c:v", "libvpx"),
    "theora.ogv": ("-c:v", "libtheora"),
    "wmv2.wmv": ("-c:v", "wmv2"),
    "msmpeg4.avi": ("-c:v", "msmpeg4"),
    "flv1.flv": ("-c:v", "flv"),
    "flashsv.flv": ("-c:v", "flashsv"),
    "huffyuv.avi": ("-c:v", "huffyuv", "-pix_fmt", "yuv422p"),
    "huffrgb.avi": ("-c:v", "huffyuv", "-pix_fmt", "rgb24"),
    "ut.avi": ("-c:v", "utvideo", "-pix_fmt", "yuv422p"),
    "raw.avi": ("-c:v", "rawvideo", "-pix_fmt", "yuv420p"),
    "packed.avi": ("-c:v", "rawvideo", "-pix_fmt", "yuyv422"),
    "bgr.avi": ("-c:v", "rawvideo", "-pix_fmt", "bgr24"),
    "raw.mkv": ("-c:v", "rawvideo", "-pix_fmt", "yuv420p"),
    "png.mkv": ("-c:v", "png"),
    "png16.avi": ("-c:v", "png", "-pix_fmt", "rgb48be"),
    "zmbv.avi": ("-c:v", "zmbv", "-pix_fmt", "bgr0"),
    "ljpeg.mkv": ("-c:v", "ljpeg", "-pix_fmt", "yuvj420p"),
    "dirac.mkv": ("-c:v", "vc2", "-pix_fmt", "yuv422p10le"),
}


@pytest.mark.parametrize("name", _LOSSLESS)
def test_video_that_mp4_does_not_support_keeps_every_pixel(remuxer: _Remuxer, name: str) -> None:
    source = remuxer.make(name, *_VIDEO, *_LOSSLESS[name])
    remuxed = remuxer.remux_source(source)
    frames = [remuxer.pixels(path) for path in (source, remuxed.path)]
    assert len(frames[0]) > 0
    assert frames[0] == frames[1]
    intervals = np.diff(remuxed.times)
    track = remuxed.movie.first_track("video")
    assert track is not None
    assert np.all(
        np.abs(intervals - float(track.timescale / Fraction(30000, 1001))) <= track.timescale / 1000
    )


def test_full_range_is_kept(remuxer: _Remuxer, tools: Toolchain) -> None:
    remuxed = remuxer.remux_source(remuxer.make("a.avi", *_VIDEO, "-vf", "scale=160:96", "-c:v", "amv"))
    (stream,) = run_ffprobe(remuxed.path, "-show_streams", tools=tools, runner=Runner())["streams"]
    assert (stream["codec_name"], stream["pix_fmt"], stream["color_range"]) == ("h264", "yuvj420p", "pc")


def test_dolby_vision_without_a_base_layer_is_rejected_in_any_container(
    remuxer: _Remuxer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = remuxer.make("a.mkv", *_VIDEO, *_H264)
    record = {"dv_profile": 5, "bl_present_flag": 1, "dv_bl_signal_compatibility_id": 0}
    video = {"index": 0, "codec_type": "video", "codec_name": "hevc", "side_data_list": [record]}
    monkeypatch.setattr(remux, "run_ffprobe", lambda *_args, **_kwargs: {"streams": [video]})
    with pytest.raises(UnsupportedError, match="Dolby Vision profile 5"):
        remuxer.remux_source(source)


def test_a_probe_without_progress_is_rejected(remuxer: _Remuxer, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_args: object, **_kwargs: object) -> None:
        message = "ffprobe was stopped: it took longer than its limit of 60 s"
        raise ToolError(message, argv=("ffprobe",), status=-15)

    source = remuxer.make("a.ts", *_VIDEO, *_H264)
    monkeypatch.setattr(remux, "run_ffprobe", slow)
    with pytest.raises(InputError, match="no further packet in this file for 60 s") as caught:
        remuxer.remux_source(source)
    assert caught.value.reason == "no-progress"


def test_a_remux_without_progress_is_stopped() -> None:
    now = [0.0]
    progress = StallDetector(clock=lambda: now[0], stalled_s=30)
    for second in range(100):
        now[0] += 1
        progress(f"total_size={second * 4096}")
    for _ in range(30):
        now[0] += 1
        progress("total_size=405504")
        progress("out_time_us=N/A")
    now[0] += 1
    with pytest.raises(InputError, match="no further packet") as caught:
        progress("progress=continue")
    assert caught.value.reason == "no-progress"


@pytest.mark.parametrize(
    ("name", "argv", "audio"),
    [
        ("a.ts", (*_H264, "-c:a", "aac"), ["mp4a"]),
        ("a.m2ts", (*_H264, "-c:a", "ac3", "-f", "mpegts", "-mpegts_m2ts_mode", "1"), ["ac-3"]),
        ("a.mkv", (*_H264, "-c:a", "libvorbis"), ["alac"]),
        ("a.webm", ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-c:a", "libopus"), ["Opus"]),
        ("a.flv", (*_H264, "-c:a", "aac"), ["mp4a"]),
        ("a.avi", (*_H264, "-c:a", "pcm_s16le"), ["sowt"]),
        ("b.avi", ("-c:v", "mpeg4", "-bf", "2", "-c:a", "mp3"), ["mp4a"]),
        ("a.mpg", ("-c:v", "mpeg2video", "-bf", "2", "-c:a", "mp2"), ["mp4a"]),
        ("a.mxf", ("-c:v", "mpeg2video", "-r", "25", "-c:a", "pcm_s16le"), ["alac"]),
        ("prores.mkv", ("-c:v", "prores", "-c:a", "pcm_s24le"), ["lpcm"]),
        ("ffv1.mkv", ("-c:v", "ffv1", "-c:a", "flac"), ["alac"]),
    ],
)
def test_every_frame_keeps_its_order_and_time(
    remuxer: _Remuxer, name: str, argv: tuple[str, ...], audio: list[str]
) -> None:
    remuxed = remuxer.remux_source(remuxer.make(name, *_VIDEO, *_TONE, *argv))
    assert remuxer.frames(remuxed.path) == remuxer.frames(remuxed.source)
    track = remuxed.movie.first_track("video")
    assert track is not None
    intervals = np.diff(remuxed.times)
    rate = Fraction(25) if name == "a.mxf" else Fraction(30000, 1001)
    # Matroska, FLV and WebM round every time to a millisecond.
    assert np.all(np.abs(intervals - float(track.timescale / rate)) <= track.timescale / 1000)
    assert [each if each != "in24" else "lpcm" for each in remuxed.formats] == audio


def test_the_clock_of_a_transport_stream_may_wrap(remuxer: _Remuxer) -> None:
    # 33 bits of 90 kHz end at 95443.7 s: half a second into this clip.
    argv = (*_H264, "-output_ts_offset", "95441.8", "-f", "mpegts")
    remuxed = remuxer.remux_source(remuxer.make("wrap.ts", *_VIDEO, *_TONE, "-map", "0", "-map", "1", *argv))
    assert len(remuxed.times) == 30
    assert set(np.diff(remuxed.times).tolist()) == {3003}


def test_variable_frame_times_are_kept(remuxer: _Remuxer) -> None:
    varied = ("-vf", "select='lt(n,10)+not(mod(n,3))'", "-fps_mode", "vfr", *_H264)
    remuxed = remuxer.remux_source(remuxer.make("vfr.mkv", *_VIDEO, *varied))
    track = remuxed.movie.first_track("video")
    assert track is not None
    steps = np.round(np.diff(remuxed.times) / track.timescale * 30).astype(int).tolist()
    assert steps == [1] * 9 + [3] * 6


def test_all_audio_tracks_keep_their_order_and_languages(remuxer: _Remuxer) -> None:
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu")
    maps = ("-map", "0", "-map", "1", "-map", "2", *_H264, "-c:a:0", "libopus", "-c:a:1", "pcm_s24le")
    source = remuxer.make("two.mkv", *_VIDEO, *_TONE, *_TONE, *maps, *languages)
    remuxed = remuxer.remux_source(source)
    assert remuxed.formats == ["Opus", "alac"]
    assert [track.language for track in remuxed.movie.tracks_of_kind("audio")] == ["eng", "deu"]


def test_audio_that_mp4_does_not_support_is_kept_bit_for_bit(remuxer: _Remuxer) -> None:
    remuxed = remuxer.remux_source(remuxer.make("pcm.mkv", *_VIDEO, *_TONE, *_H264, "-c:a", "pcm_s24le"))
    assert remuxed.formats == ["alac"]
    decoded = [
        remuxer.ffmpeg("-i", str(path), "-map", "0:a", "-c:a", "pcm_s24le", "-f", "md5", "-")
        for path in (remuxed.source, remuxed.path)
    ]
    assert decoded[0] == decoded[1]


def test_a_source_of_one_frame_is_remuxed(remuxer: _Remuxer) -> None:
    remuxed = remuxer.remux_source(remuxer.make("one.ts", *_VIDEO, "-frames:v", "1", *_H264))
    assert len(remuxed.times) == 1


def test_the_same_source_gives_the_same_bytes(remuxer: _Remuxer) -> None:
    source = remuxer.make("a.mkv", *_VIDEO, *_TONE, *_H264, "-c:a", "libvorbis")
    assert remuxer.remux_source(source).path.read_bytes() == remuxer.remux_source(source).path.read_bytes()


def test_a_matroska_file_with_audio_only_is_rejected(remuxer: _Remuxer) -> None:
    with pytest.raises(InputError, match="audio but no video"):
        remuxer.remux_source(remuxer.make("tone.mka", *_TONE, "-f", "matroska"))


def test_a_header_followed_by_random_bytes_is_rejected(remuxer: _Remuxer, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mkv"
    bad.write_bytes(b"\x1aE\xdf\xa3" + bytes(range(256)) * 40)
    with pytest.raises(InputError) as caught:
        remuxer.remux_source(bad)
    assert caught.value.remedy
    assert not (tmp_path / "out.mp4").exists()


def test_the_content_of_a_file_cannot_select_another_demuxer(tmp_path: Path) -> None:
    video = {"index": 0, "codec_type": "video", "codec_name": "h264"}
    intermediate = Intermediate(container="mp4", options=("-c:v", "copy"))
    argv = remux_command(tmp_path / "a.mkv", tmp_path / "out.mp4", "matroska", [video], intermediate, [])
    allowed = argv[argv.index("-format_whitelist") + 1].split(",")
    assert not {"hls", "dash", "concat", "sdp", "image2", "tty"} & set(allowed)
    assert argv[argv.index("-f") + 1] == "matroska"
    assert argv[argv.index("-protocol_whitelist") + 1] == "file,pipe"


def test_a_stop_leaves_no_file(remuxer: _Remuxer, tools: Toolchain, tmp_path: Path) -> None:
    source = remuxer.make("a.ts", *_VIDEO, *_H264)
    stop = Stop()
    stop.request("test")
    with pytest.raises(Interrupted):
        remux_to_mp4(source, tmp_path / "out.mp4", runner=Runner(stop=stop), tools=tools)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("status", "stderr", "fault"),
    [
        (1, "Invalid data found", InputError),
        (1, "av_interleaved_write_frame(): No space left on device", ToolError),
        (-9, "", ToolError),
    ],
)
def test_a_tool_failure_is_attributed_to_the_source_only_without_a_fault_of_the_machine(
    status: int, stderr: str, fault: type[Exception]
) -> None:
    error = ToolError("ffmpeg failed with status 1: x", argv=("ffmpeg",), status=status, stderr=stderr)
    assert isinstance(classify_tool_error(error, "unreadable"), fault)


@pytest.mark.parametrize("selection", ["not(eq(mod(n,5),3))", "not(eq(n,1))", "1"])
@pytest.mark.parametrize("frames", [0, 2])
def test_frames_of_avi_have_the_times_of_a_decoder(remuxer: _Remuxer, frames: int, selection: str) -> None:
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", str(frames), "-fps_mode", "passthrough")
    source = remuxer.make("a.avi", *_VIDEO, *_TONE, *encoder, "-vf", f"select='{selection}'", "-c:a", "mp3")
    listed = remuxer.ffmpeg(
        *("-copyts", "-i", str(source), "-map", "0:v", "-fps_mode", "passthrough"),
        *("-enc_time_base:v", "demux", "-f", "framecrc", "-"),
    )
    expected = [int(line.split(",")[2]) for line in listed.splitlines() if not line.startswith("#")]
    remuxed = remuxer.remux_source(source)
    track = remuxed.movie.first_track("video")
    assert track is not None
    ticks = remuxed.times * 30000 / (1001 * track.timescale)
    assert np.abs(ticks - expected).max() < 0.05
    assert remuxer.frames(remuxed.path) == remuxer.frames(source)
