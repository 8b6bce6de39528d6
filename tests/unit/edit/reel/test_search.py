"""Recordings are read, put in order and searched; what cannot be read is a warning."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from eddyline.core.errors import InputError, UsageError
from eddyline.edit.reel.search import HighlightRequest, find_highlights, order_sources
from eddyline.media.toolchain import Toolchain


def test_the_list_has_frames_scores_and_evidence(recording: Path, tools: Toolchain) -> None:
    found = find_highlights([recording], HighlightRequest(duration_s=8, max_segment_s=3), tools=tools)
    listed = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert (listed["format"], listed["version"]) == ("eddyline-highlight-segments", 1)
    assert listed["sources"] == [
        {"name": "ride.mp4", "start_s": 0, "end_s": 16.016, "frames": 480, "events": 3, "warnings": []}
    ]
    first = listed["segments"][0]
    assert first["kind"] == "airtime"
    assert first["start_s"] == pytest.approx(first["first_frame"] * 1001 / 30000, abs=1e-6)
    assert first["end_s"] == pytest.approx((first["first_frame"] + first["frames"]) * 1001 / 30000, abs=1e-6)
    assert first["evidence"][0]["values"]["duration_s"] == pytest.approx(0.8, abs=0.05)
    assert "on_beat" not in first


def test_a_recording_without_telemetry_is_searched_by_its_audio(
    tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    source = tmp_path / "phone.mkv"
    video = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=30:duration=14")
    loud = "aevalsrc='(0.005+0.4*between(t,8,9))*sin(2*PI*900*t)':d=14:s=48000"
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    subprocess.run(
        [ffmpeg, "-v", "error", *video, "-f", "lavfi", "-i", loud, *coded, str(source)], check=True
    )
    found = find_highlights([source], HighlightRequest(), tools=tools)
    (cut,) = found.cuts
    (event,) = cut.segment.events
    assert event.kind == "loudness"
    assert (event.start_s, event.end_s) == pytest.approx((8, 9), abs=0.3)
    assert "no telemetry" in found.analyses[0].warnings[0]


def test_damaged_audio_is_a_warning(recording: Path, tmp_path: Path, tools: Toolchain) -> None:
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(recording.read_bytes().replace(b"mp4a", b"mp4x").replace(b"esds", b"esdx"))
    found = find_highlights([damaged], HighlightRequest(duration_s=8), tools=tools)
    assert found.cuts
    assert any("audio" in warning for warning in found.analyses[0].warnings)


def test_chapters_are_put_in_order_and_other_recordings_are_not() -> None:
    chapters = [Path("b/GX020042.MP4"), Path("a/GX010042.MP4")]
    assert order_sources(chapters) == tuple(chapters[::-1])
    others = [Path("GX020042.MP4"), Path("GX010043.MP4")]
    assert order_sources(others) == tuple(others)
    assert order_sources([Path("z.mp4"), Path("GX010042.MP4")])[0] == Path("z.mp4")


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        (HighlightRequest(duration_s=1), "reel of 1 s"),
        (HighlightRequest(duration_s=601), "--duration|reel of 601"),
        (HighlightRequest(duration_s=float("nan")), "reel of nan"),
        (HighlightRequest(max_segment_s=1.9), "segments of up to 1.9"),
        (HighlightRequest(max_segment_s=61), "segments of up to 61"),
    ],
)
def test_limits_are_checked(
    recording: Path, tools: Toolchain, request_: HighlightRequest, match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        find_highlights([recording], request_, tools=tools)


def test_a_recording_is_passed_once(recording: Path, tools: Toolchain) -> None:
    with pytest.raises(UsageError, match="twice"):
        find_highlights([recording, recording], HighlightRequest(), tools=tools)


def test_music_must_be_music(recording: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str) -> None:
    text = tmp_path / "song.mp3"
    text.write_bytes(b"this is a text, not music" * 100)
    with pytest.raises(InputError, match=r"song\.mp3"):
        find_highlights([recording], HighlightRequest(music=text), tools=tools)
    short = tmp_path / "short.wav"
    tone = ("-f", "lavfi", "-i", "sine=frequency=110:duration=1")
    subprocess.run([ffmpeg, "-v", "error", *tone, str(short)], check=True)
    with pytest.raises(UsageError, match=r"1\.0 s of music"):
        find_highlights([recording], HighlightRequest(music=short), tools=tools)


def test_music_without_a_beat_limits_the_length_only(
    recording: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    short = tmp_path / "short.wav"
    tone = ("-f", "lavfi", "-i", "sine=frequency=110:duration=5")
    subprocess.run([ffmpeg, "-v", "error", *tone, str(short)], check=True)
    found = find_highlights([recording], HighlightRequest(music=short), tools=tools)
    assert found.length_s == pytest.approx(5, abs=0.1)
    assert found.tempo == 0
    assert found.cuts == find_highlights([recording], HighlightRequest(duration_s=5), tools=tools).cuts
