"""Subtitles and chapters of a recording that is cut, merged or combined, as FFmpeg reads them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from eddyline.edit.combine.combine import CombineRequest, combine
from eddyline.edit.merge.merge import join_chapters
from eddyline.edit.trim.time_values import parse_time
from eddyline.edit.trim.trim import TrimRequest, trim
from eddyline.media.toolchain import Toolchain

_SRT = (
    "1\n00:00:00,500 --> 00:00:01,234\nfirst\n\n2\n00:00:01,300 --> 00:00:02,333\nsecond\n\n"
    "3\n00:00:02,501 --> 00:00:02,600\nthird\n"
)
_CHAPTERS = (
    ";FFMETADATA1\ntitle=My title\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=One\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=3000\ntitle=Two\n"
)


def make_recording(directory: Path, ffmpeg: str, name: str) -> Path:
    """Writes a recording of three seconds with subtitles, chapters and a title; returns its path."""
    (directory / "s.srt").write_text(_SRT)
    (directory / "c.txt").write_text(_CHAPTERS)
    video = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=30:d=3", "-f", "lavfi", "-i", "sine=r=48000:d=3")
    maps: tuple[str, ...] = (
        "-i",
        "s.srt",
        "-i",
        "c.txt",
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "2",
        "-map_metadata",
        "3",
    )
    maps += ("-map_chapters", "3", "-metadata:s:s:0", "language=ger", "-metadata:s:s:0", "title=Name")
    codec = "srt" if name.endswith("mkv") else "mov_text"
    codecs = ("-c:v", "libx264", "-g", "15", "-pix_fmt", "yuv420p", "-c:a", "aac", "-c:s", codec)
    argv = [ffmpeg, "-v", "error", "-y", *video, *maps, *codecs, "-disposition:s:0", "forced", name]
    subprocess.run(argv, check=True, cwd=directory)
    return directory / name


def read(path: Path, tools: Toolchain) -> tuple[list[str], list[tuple[str, str]], dict[str, Any]]:
    """Returns cues ("start --> end text"), chapters (start, title) and the subtitle stream, by FFmpeg."""
    argv = [str(tools.ffmpeg), "-v", "error", "-i", str(path), "-map", "0:s:0", "-f", "srt", "-"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    cues = [" ".join(block.split("\n")[1:]) for block in text.strip().split("\n\n")]
    argv = [str(tools.ffprobe), "-v", "error", "-show_chapters", "-show_streams", "-of", "json", str(path)]
    found = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    stream = next(each for each in found["streams"] if each["codec_type"] == "subtitle")
    return cues, [(each["start_time"], each["tags"]["title"]) for each in found["chapters"]], stream


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_trim_cuts_cues_and_chapters_at_its_ends(name: str, tmp_path: Path, tools: Toolchain) -> None:
    source = make_recording(tmp_path, str(tools.ffmpeg), name)
    out = tmp_path / "cut.mp4"
    trimmed = trim(source, out, TrimRequest(start=parse_time("1"), end=parse_time("2.5")), tools=tools)
    assert trimmed.left_out == ()
    cues, chapters, stream = read(out, tools)
    assert cues == ["00:00:00,000 --> 00:00:00,234 first", "00:00:00,300 --> 00:00:01,333 second"]
    assert chapters == [("0.000000", "One"), ("1.000000", "Two")]
    assert (stream["tags"]["language"], stream["tags"]["name"]) == ("ger", "Name")
    assert stream["disposition"]["forced"] == 1


def test_a_merge_delays_cues_and_chapters_of_later_files(tmp_path: Path, tools: Toolchain) -> None:
    source = make_recording(tmp_path, str(tools.ffmpeg), "a.mp4")
    out = tmp_path / "all.mp4"
    join_chapters([source, source], out)
    cues, chapters, stream = read(out, tools)
    assert cues == [
        "00:00:00,500 --> 00:00:01,234 first",
        "00:00:01,300 --> 00:00:02,333 second",
        "00:00:02,501 --> 00:00:02,600 third",
        "00:00:03,500 --> 00:00:04,234 first",
        "00:00:04,300 --> 00:00:05,333 second",
        "00:00:05,501 --> 00:00:05,600 third",
    ]
    assert chapters == [("0.000000", "One"), ("2.000000", "Two"), ("3.000000", "One"), ("5.000000", "Two")]
    assert (stream["tags"]["name"], stream["disposition"]["forced"]) == ("Name", 1)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_combine_keeps_subtitles_and_chapters(name: str, tmp_path: Path, tools: Toolchain) -> None:
    source = make_recording(tmp_path, str(tools.ffmpeg), name)
    tone = tmp_path / "tone.wav"
    subprocess.run(
        [str(tools.ffmpeg), "-v", "error", "-f", "lavfi", "-i", "sine=500:d=3", str(tone)], check=True
    )
    out = tmp_path / "both.mp4"
    combine(source, out, CombineRequest(audio=(tone,)), tools=tools)
    cues, chapters, stream = read(out, tools)
    assert (cues, chapters) == read(source, tools)[:2]
    assert stream["tags"]["language"] == "ger"
