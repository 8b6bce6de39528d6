"""A trimmed recording contains the frames, audio, telemetry, timecode and HiLights of its range."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eddyline import gpmf
from eddyline.core.errors import Interrupted, ProofError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.edit.trim import telemetry_track
from eddyline.edit.trim.time_values import parse_time
from eddyline.edit.trim.trim import Trimmed, TrimRequest, trim
from eddyline.gpmf.edit.window import TelemetryCut, cut_telemetry
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.rendition_verification import presented_samples
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.mp4.presentation import build_presentation
from eddyline.pipeline.demo_clip import make_clip
from eddyline.store.ranges import FileRanges


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=6, width=160, height=90)


def cut(
    source: Path, out: Path, start: str, end: str, tools: Toolchain, *, keyframes: bool = False
) -> Trimmed:
    request = TrimRequest(start=parse_time(start), end=parse_time(end), keyframes=keyframes)
    return trim(source, out, request, tools=tools)


def index(path: Path) -> Movie:
    with FileRanges(path) as source:
        return read_movie(source)


def check_telemetry(source: Path, path: Path, trimmed: Trimmed) -> None:
    old, new = gpmf.read(source), gpmf.read(path)
    assert new.payloads.start_s[0] == 0.0
    assert abs(new.payloads.end_s[-1] - (trimmed.end_s - trimmed.start_s)) < 1e-6
    for label, stream in old.streams.items():
        inside = (stream.times >= trimmed.start_s - 1e-9) & (stream.times < trimmed.end_s - 1e-9)
        assert inside.sum() == len(new.streams.get(label, ()))
        if inside.any() and stream.steps is None:
            kept = new.streams[label]
            assert np.array_equal(kept.values, stream.values[inside], equal_nan=True)
            if stream.timeline.rule == "stamps":
                error_s = np.abs(kept.times - (stream.times[inside] - trimmed.start_s)).max()
                assert error_s * stream.rate_hz <= 1.0 + 1e-6


def test_a_trim_is_exact_to_the_frame_and_the_sample(clip: Path, tmp_path: Path, tools: Toolchain) -> None:
    out = tmp_path / "cut.mp4"
    trimmed = cut(clip, out, "1.3", "4.7", tools)
    old, new = index(clip), index(out)
    video = new.tracks_of_kind("video")[0]
    shown = build_presentation(new, video)
    before = build_presentation(old, old.tracks_of_kind("video")[0])
    assert (trimmed.first, trimmed.last) == (39, 141)
    assert np.array_equal(shown.pts, before.pts[39:141] - before.pts[39])
    assert 0 < trimmed.copied < trimmed.copied + trimmed.encoded == 102
    length = Fraction(shown.end, video.timescale)
    decoded = Fraction(presented_samples(new, new.tracks_of_kind("audio")[0]), 48_000)
    assert abs(decoded - length) <= Fraction(1, 48_000)
    assert new.creation_time == old.creation_time
    check_telemetry(clip, out, trimmed)


def test_hilights_in_the_range_are_moved_and_others_are_dropped(
    clip: Path, tmp_path: Path, tools: Toolchain
) -> None:
    trimmed = cut(clip, tmp_path / "cut.mp4", "60f", "120f", tools)
    times = [hilight.time_s for hilight in gpmf.read(clip).hilights]
    expected = [time - trimmed.start_s for time in times if trimmed.start_s <= time < trimmed.end_s]
    assert 0 < len(expected) < len(times)
    kept = [hilight.time_s for hilight in gpmf.read(tmp_path / "cut.mp4").hilights]
    assert kept == pytest.approx(expected, abs=0.001)


def test_audio_starts_at_the_sample_of_the_first_frame(
    clip: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    trimmed = cut(clip, tmp_path / "cut.mp4", "1.3", "4.7", tools)

    def decoded(path: Path) -> npt.NDArray[np.float32]:
        argv = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:a:0", "-ac", "1", "-f", "f32le", "-"]
        return np.frombuffer(subprocess.run(argv, check=True, capture_output=True).stdout, "<f4")

    whole, part = decoded(clip), decoded(tmp_path / "cut.mp4")
    assert abs(len(part) - round((trimmed.end_s - trimmed.start_s) * 48_000)) <= 1024
    begin = round(trimmed.start_s * 48_000)
    assert np.abs(part[2048:40_000] - whole[begin + 2048 : begin + 40_000]).max() < 1e-3


def test_a_keyframe_trim_contains_the_requested_range_without_encoding(
    clip: Path, tmp_path: Path, tools: Toolchain
) -> None:
    trimmed = cut(clip, tmp_path / "cut.mp4", "80f", "100f", tools, keyframes=True)
    assert trimmed.first == 61
    assert trimmed.last >= 100
    assert trimmed.encoded == trimmed.hidden == 0
    check_telemetry(clip, tmp_path / "cut.mp4", trimmed)


def test_real_recordings_keep_timecode_model_and_telemetry(
    samples: Path, tmp_path: Path, tools: Toolchain, ffprobe: str
) -> None:
    for name, start, timecode in (
        ("karma.mp4", "50f", "19:26:49:24"),
        ("max-heromode.mp4", "63f", "15:44:37:13"),
    ):
        out = tmp_path / name
        trimmed = cut(samples / name, out, start, "200f", tools)
        assert trimmed.first == int(start[:-1])
        check_telemetry(samples / name, out, trimmed)
        assert gpmf.read(out).camera == gpmf.read(samples / name).camera
        argv = [ffprobe, "-v", "error", "-show_streams", "-count_frames", "-of", "json", str(out)]
        streams = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["streams"]
        assert int(streams[0]["nb_read_frames"]) == trimmed.last - trimmed.first
        assert streams[0]["tags"]["timecode"] == timecode
        assert [each["codec_tag_string"] for each in streams] == ["avc1", "mp4a", "tmcd", "gpmd"]


def test_exiftool_finds_the_camera_and_its_telemetry_in_a_trimmed_file(
    samples: Path, tmp_path: Path, tools: Toolchain
) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed")
    out = tmp_path / "cut.mp4"
    trimmed = cut(samples / "max-heromode.mp4", out, "3", "7", tools)
    output = subprocess.run(
        ["exiftool", "-ee", "-j", "-G3", str(out)], check=True, capture_output=True
    ).stdout
    found = json.loads(output)[0]
    assert trimmed.telemetry is not None
    assert any(str(value).startswith("GoPro Max") for value in found.values())
    assert any(key.endswith(":GPSLatitude") for key in found)


def test_an_empty_range_is_a_usage_error_and_leaves_no_file(
    clip: Path, tmp_path: Path, tools: Toolchain
) -> None:
    for start, end in (("3", "3"), ("4", "2"), ("900", "901")):
        with pytest.raises(UsageError, match="no frame"):
            cut(clip, tmp_path / "cut.mp4", start, end, tools)
    with pytest.raises(UsageError, match="replace"):
        cut(clip, clip, "1", "2", tools)
    assert list(tmp_path.iterdir()) == []


def test_a_trim_that_fails_verification_is_not_published(
    clip: Path, tmp_path: Path, tools: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "cut.mp4"
    out.write_bytes(b"previous contents")
    original = cut_telemetry

    def cut_with_wrong_ranges(*args: Any) -> TelemetryCut:
        result = original(*args)
        object.__setattr__(result, "kept", {key: (a, b - 1) for key, (a, b) in result.kept.items()})
        return result

    monkeypatch.setattr(telemetry_track, "cut_telemetry", cut_with_wrong_ranges)
    with pytest.raises(ProofError):
        cut(clip, out, "1.3", "4.7", tools)
    assert [each.name for each in tmp_path.iterdir()] == ["cut.mp4"]
    assert out.read_bytes() == b"previous contents"


def test_a_stopped_trim_leaves_no_file(clip: Path, tmp_path: Path, tools: Toolchain) -> None:
    stop = Stop()
    stop.request("Ctrl-C")
    request = TrimRequest(start=parse_time("1.3"), end=parse_time("4.7"))
    with pytest.raises(Interrupted):
        trim(clip, tmp_path / "cut.mp4", request, tools=tools, runner=Runner(stop=stop))
    assert list(tmp_path.iterdir()) == []


def test_uncompressed_audio_of_a_mov_is_kept_bit_for_bit(
    tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    source, out = tmp_path / "source.mov", tmp_path / "cut.mov"
    video = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=3")
    tone = ("-f", "lavfi", "-i", "sine=frequency=997:sample_rate=48000:duration=3")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-c:a", "pcm_s16le")
    subprocess.run([ffmpeg, "-v", "error", *video, *tone, *coded, str(source)], check=True)
    trimmed = cut(source, out, "13f", "60f", tools)

    def decoded(path: Path) -> npt.NDArray[np.int16]:
        argv = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "s16le", "-"]
        return np.frombuffer(subprocess.run(argv, check=True, capture_output=True).stdout, "<i2")

    whole, part = decoded(source), decoded(out)
    begin = round(trimmed.start_s * 48_000)
    assert len(part) == 47 * 1920
    assert np.array_equal(part, whole[begin : begin + len(part)])
