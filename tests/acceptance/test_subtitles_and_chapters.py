"""Subtitles, chapters and metadata of a source are in its renditions and streams, as FFmpeg reads them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.acceptance.conftest import manifest_of
from tests.unit.media.phone_recordings import write_phone_recording

Program = tuple[str, ...]
Encode = Callable[..., Path]

_SRT = """1
00:00:00,500 --> 00:00:01,234
<i>Hello</i> <script>alert(1)</script> & co

2
00:00:01,300 --> 00:00:02,333
Second <b>bold</b>
line

3
00:00:02,501 --> 00:00:02,900
Third "quoted"
"""
_OVERLAPPING = _SRT.replace("01,300 -->", "01,000 -->")
_VIDEO = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=3", "-f", "lavfi", "-i", "sine=d=3")
_CODECS = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-c:a", "aac")


@pytest.fixture(scope="module")
def encode(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Encode:
    """A function that encodes a clip in a directory with the subtitles s.srt and o.srt (overlapping)."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "s.srt").write_text(_SRT)
    (folder / "o.srt").write_text(_OVERLAPPING)

    def encode_clip(name: str, *argv: str) -> Path:
        subprocess.run([ffmpeg, "-v", "error", "-y", *_VIDEO, *argv, name], check=True, cwd=folder)
        return folder / name

    return encode_clip


@pytest.fixture
def run(tmp_path: Path, eddyline: Program, small_profile: Path) -> Callable[[Path], Path]:
    """A function that publishes a clip and returns the directory of its asset."""

    def publish(clip: Path) -> Path:
        arguments = ["run", str(clip), "--out", str(tmp_path), "--profile", str(small_profile), "--json"]
        done = subprocess.run([*eddyline, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (manifest,) = tmp_path.glob("assets/*/manifest.json")
        schema = json.loads(
            files("eddyline.pipeline.publication").joinpath("manifest.schema.json").read_text()
        )
        jsonschema.validate(manifest_of(tmp_path), schema)
        return manifest.parent

    return publish


def cues(ffmpeg: str, path: Path, track: int = 0, *options: str) -> list[tuple[str, str]]:
    """(times, text) of each cue, as FFmpeg extracts them."""
    argv = [ffmpeg, "-v", "error", *options, "-i", str(path), "-map", f"0:s:{track}", "-f", "srt", "-"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    found = [block.split("\n", 2)[1:] for block in text.strip().split("\n\n")]
    return [(times, re.sub(r"\{.*?\}|<font.*?>", "", text)) for times, text in found]


def streams(ffprobe: str, path: Path) -> list[dict[str, Any]]:
    argv = [ffprobe, "-v", "error", "-select_streams", "s", "-show_streams", "-of", "json", str(path)]
    return list(json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["streams"])


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_subtitles_in_stream_and_mp4_equal_those_that_ffmpeg_reads_from_the_source(
    name: str, encode: Encode, run: Callable[[Path], Path], ffmpeg: str, ffprobe: str
) -> None:
    codec = "srt" if name.endswith("mkv") else "mov_text"
    clip = encode(
        name,
        *("-i", "s.srt", "-i", "s.srt", "-map", "0", "-map", "1", "-map", "2", "-map", "3"),
        *(*_CODECS, "-c:s", codec, "-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger"),
        *("-metadata:s:s:1", "title=Deutsch <b>", "-disposition:s:1", "forced"),
    )
    asset = run(clip)
    manifest = json.loads((asset / "manifest.json").read_text())
    reported = [(each["language"], each["forced"], each["cues"]) for each in manifest["subtitles"]]
    assert reported == [("eng", False, 3), ("ger" if name != "a.mov" else "deu", name != "a.mov", 3)]
    assert manifest["left_out"] == []
    expected = cues(ffmpeg, clip)
    assert len(expected) == 3
    for rendition in manifest["renditions"]:
        path = asset / rendition["path"]
        assert [cues(ffmpeg, path, track) for track in (0, 1)] == [expected, expected]
        found = streams(ffprobe, path)
        assert [each["tags"]["language"] for each in found] == [each[0] for each in reported]
        if name != "a.mov":
            assert [each["disposition"]["forced"] for each in found] == [0, 1]
            assert found[1]["tags"]["name"] == manifest["subtitles"][1]["title"] == "Deutsch <b>"
    for path in (asset / manifest["subtitles"][1]["path"], asset / "stream/subtitles-2/main.m3u8"):
        written = [
            (times, text.replace("&amp;", "&").replace("&lt;", "<")) for times, text in cues(ffmpeg, path)
        ]
        assert [times for times, _ in written] == [times for times, _ in expected]
    text = (asset / "stream/subtitles-1/subtitles.vtt").read_text()
    assert "<script" not in text
    assert text.count(" --> ") == 3
    master = (asset / manifest["stream"]["hls"]).read_text()
    media = [line for line in master.splitlines() if "TYPE=SUBTITLES" in line]
    assert ['LANGUAGE="en"' in media[0], 'LANGUAGE="de"' in media[1]] == [True, True]
    assert ["FORCED=YES" in line for line in media] == [each["forced"] for each in manifest["subtitles"]]
    assert all('SUBTITLES="subtitles"' in line for line in master.splitlines() if "STREAM-INF:" in line[:25])
    assert (asset / manifest["stream"]["dash"]).read_text().count('codecs="wvtt"') == 2


def test_overlapping_cues_of_matroska_keep_their_ends(
    encode: Encode, run: Callable[[Path], Path], ffmpeg: str
) -> None:
    maps = ("-map", "0", "-map", "1", "-map", "2")
    asset = run(encode("o.mkv", "-i", "o.srt", *maps, *_CODECS, "-c:s", "ass"))
    text = (asset / "subtitles/1.vtt").read_text()
    assert "00:00:00.500 --> 00:00:01.234" in text
    assert "00:00:01.000 --> 00:00:02.333" in text
    assert cues(ffmpeg, next(asset.glob("renditions/*.mp4")))[1][0] == "00:00:01,000 --> 00:00:01,234"


_CHAPTERS = """;FFMETADATA1
title=My title
creation_time=2024-05-06T07:08:09Z
location=+47.3769+008.5417/
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=One
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=3000
title=Two <b>
"""


def chapters(ffprobe: str, path: Path) -> list[tuple[str, str]]:
    """(start, title) of each chapter, as FFmpeg reads them."""
    argv = [ffprobe, "-v", "error", "-show_chapters", "-of", "json", str(path)]
    found = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["chapters"]
    return [(each["start_time"], each["tags"]["title"]) for each in found]


def format_tags(ffprobe: str, path: Path) -> dict[str, str]:
    """The tags of a file, as FFmpeg reads them."""
    argv = [ffprobe, "-v", "error", "-show_entries", "format_tags", "-of", "json", str(path)]
    return dict(json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["format"]["tags"])


def test_the_metadata_keys_of_a_phone_are_in_the_renditions(
    tmp_path: Path, ffmpeg: str, ffprobe: str, run: Callable[[Path], Path]
) -> None:
    asset = run(write_phone_recording(tmp_path, ffmpeg))
    manifest = json.loads((asset / "manifest.json").read_text())
    assert manifest["device"] == {"make": "Apple", "model": "iPhone 15"}
    assert manifest["location"] == {"latitude": 47.3769, "longitude": 8.5417, "altitude_m": 400.0}
    for rendition in manifest["renditions"]:
        tags = format_tags(ffprobe, asset / rendition["path"])
        assert tags["com.apple.quicktime.creationdate"] == "2024-05-06T09:08:09+0200"
        assert tags["com.apple.quicktime.location.ISO6709"] == "+47.3769+008.5417+400/"


@pytest.mark.parametrize("name", ["c.mp4", "c.mov", "c.mkv"])
def test_the_chapters_of_the_source_are_in_renditions_and_stream(
    name: str, encode: Encode, run: Callable[[Path], Path], ffprobe: str, tmp_path: Path
) -> None:
    (tmp_path / "c.txt").write_text(_CHAPTERS)
    maps = (
        "-i",
        str(tmp_path / "c.txt"),
        "-map",
        "0",
        "-map",
        "1",
        "-map_metadata",
        "2",
        "-map_chapters",
        "2",
    )
    asset = run(encode(name, *maps, *_CODECS))
    manifest = json.loads((asset / "manifest.json").read_text())
    assert manifest["chapters"] == [
        {"frame": 0, "time_s": 0.0, "title": "One"},
        {"frame": 30, "time_s": 1.0, "title": "Two <b>"},
    ]
    assert manifest["left_out"] == []
    for rendition in manifest["renditions"]:
        assert chapters(ffprobe, asset / rendition["path"]) == [("0.000000", "One"), ("1.000000", "Two <b>")]
    reported = json.loads((asset / "stream" / "chapters.json").read_text())
    assert [(each["start-time"], each["titles"][0]["title"]) for each in reported] == [
        (0.0, "One"),
        (1.0, "Two <b>"),
    ]
    assert 'URI="chapters.json"' in (asset / manifest["stream"]["hls"]).read_text()
    assert manifest["title"] == "My title"
    assert manifest["location"]["latitude"] == pytest.approx(47.3769, abs=1e-4)
    assert manifest["created"] == "2024-05-06T07:08:09Z"
    for rendition in manifest["renditions"]:
        tags = format_tags(ffprobe, asset / rendition["path"])
        assert tags["location"] == "+47.3769+008.5417/"
        assert tags["creation_time"] == "2024-05-06T07:08:09.000000Z"
    assert "Two &lt;b&gt;" in (asset / manifest["stream"]["dash"]).read_text()


def test_matroska_chapters_that_start_late_keep_their_times(
    encode: Encode, run: Callable[[Path], Path], tmp_path: Path, ffprobe: str
) -> None:
    (tmp_path / "c.txt").write_text(_CHAPTERS.replace("START=0", "START=500"))
    clip = encode("late.mkv", "-i", str(tmp_path / "c.txt"), "-map", "0", "-map_metadata", "2", *_CODECS)
    assert chapters(ffprobe, clip) == [("0.500000", "One"), ("1.000000", "Two <b>")]
    asset = run(clip)
    manifest = json.loads((asset / "manifest.json").read_text())
    assert [(each["time_s"], each["title"]) for each in manifest["chapters"]] == [
        (0.0, "Start"),
        (0.5, "One"),
        (1.0, "Two <b>"),
    ]
