from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from eddyline.core.processes.runner import Runner
from eddyline.media.source.fingerprint import fingerprint
from eddyline.media.source.open_source import open_source
from eddyline.media.source.probe import probe
from eddyline.media.source.source import SourceFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

Make = Callable[..., Path]

_TONE = ("-f", "lavfi", "-i", "sine=997:r=48000:d=0.5")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast")
_X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")


def _video_input(size: str = "160x90", rate: str = "30000/1001", seconds: float = 0.5) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}")


@pytest.fixture
def make(tmp_path: Path, tools: Toolchain) -> Make:
    def run_ffmpeg(name: str, *argv: str) -> Path:
        out = tmp_path / name
        subprocess.run([tools.ffmpeg, "-v", "error", "-y", *argv, str(out)], check=True, capture_output=True)
        return out

    return run_ffmpeg


@pytest.fixture
def inspect(tmp_path: Path, tools: Toolchain) -> Callable[[Path], SourceFacts]:
    def probe_file(path: Path) -> SourceFacts:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        footage = open_source(path, work=work, runner=Runner(), tools=tools)
        with FileRanges(footage.path) as src, FileRanges(path) as original_src:
            return probe(
                src,
                footage.movie,
                runner=Runner(),
                tools=tools,
                work=work,
                original=None if footage.path == path else original_src,
                container=footage.container,
            )

    return probe_file


Inspect = Callable[[Path], SourceFacts]


@pytest.mark.parametrize(
    ("name", "frames", "size", "payloads", "telemetry"),
    [("karma.mp4", 362, (854, 480), 13, 96440), ("max-heromode.mp4", 315, (848, 480), 11, 66328)],
)
def test_all_facts_of_a_camera_file_are_exact(
    samples: Path,
    inspect: Inspect,
    name: str,
    frames: int,
    size: tuple[int, int],
    payloads: int,
    telemetry: int,
) -> None:
    facts = inspect(samples / name)
    assert (facts.video.frames, facts.video.fps) == (frames, Fraction(30000, 1001))
    assert (facts.video.width, facts.video.height) == size
    assert facts.video.full_range
    assert not facts.video.variable_rate
    assert [(track.codec, track.channels) for track in facts.audio] == [("aac", 2)]
    assert facts.telemetry is not None
    assert (facts.telemetry.payloads, facts.telemetry.bytes) == (payloads, telemetry)
    assert SourceFacts.from_json(facts.to_json()) == facts


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "50", "60000/1001", "120"])
def test_a_constant_rate_is_exact(make: Make, inspect: Inspect, rate: str) -> None:
    video = inspect(make("a.mp4", *_video_input(rate=rate), *_X264)).video
    assert (video.fps, video.variable_rate) == (Fraction(rate), False)


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "50", "60000/1001"])
def test_the_rate_of_matroska_times_in_milliseconds_is_exact(make: Make, inspect: Inspect, rate: str) -> None:
    facts = inspect(make("a.mkv", *_video_input(rate=rate, seconds=0.7), *_X264))
    assert (facts.video.fps, facts.video.variable_rate) == (Fraction(rate), False)
    assert facts.container == "matroska"


def test_missing_frames_make_the_rate_variable(make: Make, inspect: Inspect) -> None:
    without_one_frame = ("-vf", "select='not(eq(n,7))'", "-fps_mode", "vfr", *_X264)
    video = inspect(make("a.mp4", *_video_input(), *without_one_frame)).video
    assert video.variable_rate
    assert video.frames == 14


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_clockwise_and_the_size_is_as_coded(make: Make, inspect: Inspect, degrees: int) -> None:
    plain = make("plain.mp4", *_video_input(), *_X264)
    # FFmpeg's angle is counterclockwise.
    rotated = make("rotated.mp4", "-display_rotation", str(-degrees), "-i", str(plain), "-c", "copy")
    video = inspect(rotated).video
    assert (video.rotation, video.width, video.height) == (degrees, 160, 90)
    assert (video.display_width, video.display_height) == ((160, 90) if degrees == 180 else (90, 160))


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_recognized_by_its_transfer(make: Make, inspect: Inspect, transfer: str) -> None:
    colours = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
    video = inspect(
        make("a.mp4", *_video_input(), "-vf", colours, *_X265, "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1")
    ).video
    assert (video.transfer, video.primaries, video.matrix) == (transfer, "bt2020", "bt2020nc")
    assert (video.codec, video.bit_depth, video.pixel_format) == ("hevc", 10, "yuv420p10le")
    assert video.hdr
    assert not video.full_range


def test_av1_is_described_without_a_decoder_in_ffprobe(make: Make, inspect: Inspect) -> None:
    video = inspect(
        make("a.mp4", *_video_input(), "-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p10le")
    ).video
    assert (video.codec, video.width, video.height, video.bit_depth) == ("av1", 160, 90, 10)


def test_prores_in_quicktime_with_pcm_audio_is_described(make: Make, inspect: Inspect) -> None:
    facts = inspect(make("a.mov", *_video_input(), *_TONE, "-c:v", "prores", "-c:a", "pcm_s24le"))
    assert (facts.container, facts.video.codec, facts.video.bit_depth) == ("mov", "prores", 10)
    assert [(each.codec, each.channels, each.sample_rate) for each in facts.audio] == [
        ("pcm_s24le", 1, 48000)
    ]


def test_odd_dimensions_are_kept(make: Make, inspect: Inspect) -> None:
    video = inspect(
        make("a.mp4", "-f", "lavfi", "-i", "testsrc=s=161x91:d=0.2", *_X264, "-pix_fmt", "yuv444p")
    ).video
    assert (video.width, video.height) == (161, 91)


def test_the_pixel_aspect_is_read(make: Make, inspect: Inspect) -> None:
    video = inspect(make("a.mp4", *_video_input(), "-vf", "setsar=4/3", *_X264)).video
    assert video.pixel_aspect == Fraction(4, 3)
    assert (video.display_width, video.display_height) == (213, 90)


def test_interlaced_video_is_recognized(make: Make, inspect: Inspect) -> None:
    interlaced_options = ("-vf", "setfield=tff", *_X264, "-x264-params", "tff=1")
    assert inspect(make("a.mp4", *_video_input("160x96"), *interlaced_options)).video.interlaced
    assert not inspect(make("b.mp4", *_video_input("160x96"), *_X264)).video.interlaced


def test_a_source_of_one_frame_is_accepted(make: Make, inspect: Inspect) -> None:
    facts = inspect(make("a.mp4", *_video_input(rate="25"), "-frames:v", "1", *_X264))
    assert (facts.video.frames, facts.video.fps, facts.video.variable_rate) == (1, Fraction(25), False)
    assert facts.duration_s == pytest.approx(0.04)


def test_a_source_without_audio_and_telemetry_is_accepted(make: Make, inspect: Inspect) -> None:
    facts = inspect(make("a.mp4", *_video_input(), *_X264))
    assert facts.audio == ()
    assert facts.telemetry is None


def test_every_audio_track_is_listed_with_its_decoded_channels(make: Make, inspect: Inspect) -> None:
    # MP4 declares 2 channels for surround AAC; only decoding gives the actual number.
    surround = ("-filter_complex", "[1:a]pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0[s]")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "[s]", *_X264, "-c:a", "aac")
    names = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu")
    facts = inspect(make("a.mp4", *_video_input(), *_TONE, *surround, *maps, *names))
    assert [(each.channels, each.language) for each in facts.audio] == [(1, "eng"), (6, "deu")]
    assert len({each.track for each in facts.audio}) == 2


def test_frames_hidden_by_an_edit_list_are_not_counted(
    make: Make, inspect: Inspect, tools: Toolchain
) -> None:
    uncut = make("whole.mp4", *_video_input(seconds=1), *_X264, "-g", "30")
    cut = make("cut.mp4", "-ss", "0.5", "-i", str(uncut), "-c", "copy")
    listed = subprocess.run(
        [tools.ffmpeg, "-v", "error", "-i", cut, "-fps_mode", "passthrough", "-f", "framemd5", "-"],
        check=True,
        capture_output=True,
        text=True,
    )
    shown = [line for line in listed.stdout.splitlines() if not line.startswith("#")]
    assert inspect(cut).video.frames == len(shown) < 30


def test_only_ranges_of_a_large_file_are_read(make: Make, tools: Toolchain, tmp_path: Path) -> None:
    path = make("a.mp4", *_video_input(), *_TONE, *_X264, "-c:a", "aac", "-movflags", "+faststart")
    with path.open("r+b") as file:  # three sparse gigabytes after the media
        file.seek(0, 2)
        file.write(b"\0\0\0\x01free" + (3 << 30).to_bytes(8, "big"))
        file.truncate(file.tell() - 16 + (3 << 30))
    with FileRanges(path) as src:
        facts = probe(src, read_movie(src), runner=Runner(), tools=tools, work=tmp_path)
        assert src.bytes_read < 2 * 1024 * 1024
        assert facts.bytes > 3 << 30
    assert not {each.name for each in tmp_path.iterdir()} - {"a.mp4"}


def test_the_fingerprint_depends_on_content_and_not_on_the_name(make: Make, tmp_path: Path) -> None:
    path = make("a.mp4", *_video_input(), *_X264)
    data = path.read_bytes()
    renamed, changed, longer = (tmp_path / name for name in ("b.mp4", "c.mp4", "d.mp4"))
    renamed.write_bytes(data)
    at = data.index(b"mdat") + 100
    changed.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    longer.write_bytes(data + b"\0\0\0\x08free")

    def fingerprint_of(file: Path) -> str:
        with FileRanges(file) as src:
            return fingerprint(src, read_movie(src))

    assert fingerprint_of(path) == fingerprint_of(renamed)
    assert len({fingerprint_of(path), fingerprint_of(changed), fingerprint_of(longer)}) == 3


def test_a_change_in_the_index_of_a_large_file_changes_the_fingerprint(make: Make, tmp_path: Path) -> None:
    # Blocks are only samples of the content; the index is hashed completely.
    path = make("a.mp4", *_video_input(), *_X264)
    data = path.read_bytes()
    moov = data.index(b"moov") - 4
    filler = b"\0\0\0\x08free"
    padding = (40 << 20).to_bytes(4, "big") + b"free" + bytes((40 << 20) - 8)
    # Two files of equal size whose index is between sampled blocks; only the creation time differs.
    created = data.index(b"mvhd", moov) + 8
    first = data[:moov] + padding + data[moov:] + filler
    second = data[:moov] + padding + _flipped(data, created)[moov:] + filler
    fingerprints = []
    for name, content in (("first.mp4", first + padding), ("second.mp4", second + padding)):
        (tmp_path / name).write_bytes(content)
        with FileRanges(tmp_path / name) as src:
            fingerprints.append(fingerprint(src, read_movie(src)))
    assert fingerprints[0] != fingerprints[1]


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_remuxed_source_has_the_size_and_fingerprint_of_the_original(make: Make, inspect: Inspect) -> None:
    path = make("a.ts", *_video_input(), *_TONE, *_X264, "-c:a", "aac")
    facts = inspect(path)
    assert facts.container == "mpegts"
    assert facts.bytes == path.stat().st_size
    with FileRanges(path) as src:
        assert facts.fingerprint == fingerprint(src, None)
