"""Chapters of sources: files written by FFmpeg and cameras, and invalid files."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from eddyline.media.chapters.nero_chapters import read_nero_list, remove_nero_lists
from eddyline.media.chapters.source_chapters import nearest_frame, read_source_chapters, text_sample_title
from eddyline.media.source.open_source import main_video
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.store.ranges import FileRanges

_CHAPTERS = (
    ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=one\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Zw\u00f6lf <b>\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=5000\nEND=9000\ntitle=beyond\n"
)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_chapters_match_ffprobes_list(name: str, tmp_path: Path, ffmpeg: str, ffprobe: str) -> None:
    (tmp_path / "c.txt").write_text(_CHAPTERS)
    video = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=30000/1001:d=1", "-i", "c.txt", "-map_chapters", "1")
    subprocess.run([ffmpeg, "-v", "error", *video, "-c:v", "libx264", name], check=True, cwd=tmp_path)
    argv = [
        ffprobe,
        "-v",
        "error",
        "-show_entries",
        "chapter=start_time:chapter_tags=title",
        "-of",
        "csv=p=0",
    ]
    listed = subprocess.run([*argv, tmp_path / name], check=True, capture_output=True, text=True).stdout
    with FileRanges(tmp_path / name) as src:
        movie = read_movie(src)
        track = main_video(movie)
        found, omitted = read_source_chapters(src, movie, track, build_presentation(movie, track))
    assert [f"{each.time_s:.6f},{each.title}" for each in found] == listed.splitlines()[:2]
    assert [(each.frame, each.title) for each in found] == [(0, "one"), (15, "Zw\u00f6lf <b>")]
    assert [each.what for each in omitted] == ["1 chapters"]


def _nero(rows: bytes, count: int) -> bytes:
    body = b"\x01" + bytes(7) + bytes([count]) + rows
    return (8 + len(body)).to_bytes(4, "big") + b"chpl" + body


def test_a_truncated_list_is_read_to_its_end() -> None:
    row = (20_000_000).to_bytes(8, "big") + b"\x03abc"
    assert read_nero_list(_nero(row, 200)) == [(Fraction(2), "abc")]
    assert read_nero_list(_nero(row + b"\0\0", 2)) == [(Fraction(2), "abc")]
    assert (
        read_nero_list(b"\0\0\0\x08chpl") == read_nero_list(b"\0\0\0\x01chpl") == read_nero_list(None) == []
    )


def test_only_the_list_is_removed_at_any_position() -> None:
    other, padding = b"\0\0\0\x0cGPMFabcd", b"\0\0\0\0rest"
    assert remove_nero_lists(other + _nero(b"", 0) + other + padding) == other + other + padding


def test_titles_are_decoded_as_in_players() -> None:
    assert text_sample_title(b"\0\x06\xfe\xff\0A\0B") == "AB"
    assert text_sample_title(b"\0\x03a\nb\0\0\0\x0cencd") == "ab"
    assert text_sample_title(b"\xff\xffabc") == "abc"
    assert text_sample_title(b"") == ""


def test_a_chapter_starts_with_the_frame_nearest_to_its_time() -> None:
    shown = Presentation(sample=np.arange(3), pts=np.array([10, 20, 30], np.int64), end=40)
    assert [nearest_frame(Fraction(at, 10), shown, 10) for at in (0, 10, 14, 16, 20, 29, 39)] == [
        0,
        0,
        0,
        1,
        1,
        2,
        2,
    ]
