"""All content of a source that its asset omits is listed at inspection."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from eddyline.core.errors import UsageError
from eddyline.media.left_out.report import KINDS, LeftOut, sort_left_out
from eddyline.media.left_out.streams import left_out_streams
from eddyline.media.source.source import SourceFacts, VideoFacts
from eddyline.media.subtitles.source_tracks import subtitle_streams
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.boxes import make_box
from eddyline.pipeline.runtime.probe_source import probe_source

Make = Callable[..., Path]

_VIDEO = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=1")
_SMALL = ("-f", "lavfi", "-i", "testsrc=s=64x36:r=25:d=1")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast")
_SRT = "1\n00:00:00,100 --> 00:00:00,800\nhello\n"
_CHAPTERS = (
    ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=one\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=two\n"
)


@pytest.fixture
def make(tmp_path: Path, tools: Toolchain) -> Make:
    (tmp_path / "s.srt").write_text(_SRT)
    (tmp_path / "c.txt").write_text(_CHAPTERS)

    def run_ffmpeg(name: str, *argv: str) -> Path:
        out = tmp_path / name
        subprocess.run(
            [tools.ffmpeg, "-v", "error", "-y", *argv, str(out)],
            check=True,
            capture_output=True,
            cwd=tmp_path,
        )
        return out

    return run_ffmpeg


def _kinds(facts: SourceFacts) -> list[str]:
    return [each.kind for each in facts.left_out]


def test_the_list_of_an_ordinary_source_is_empty(make: Make, tools: Toolchain) -> None:
    tone = ("-f", "lavfi", "-i", "sine=997:r=48000:d=1")
    assert probe_source(make("a.mp4", *_VIDEO, *tone, *_X264), tools).left_out == ()
    assert probe_source(make("a.mkv", *_VIDEO, *tone, *_X264), tools).left_out == ()


def test_all_tracks_of_a_camera_are_carried(samples: Path, tools: Toolchain) -> None:
    assert probe_source(samples / "karma.mp4", tools).left_out == ()


def test_a_second_video_is_listed_and_a_chapter_track_is_not(make: Make, tools: Toolchain) -> None:
    maps = ("-map", "0", "-map", "1", "-map_chapters", "2")
    facts = probe_source(make("a.mp4", *_VIDEO, *_SMALL, "-i", "c.txt", *maps, *_X264), tools)
    assert _kinds(facts) == ["video"]
    assert facts.left_out[0].what == "track 2 (avc1, 64x36)"
    assert SourceFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_a_cover_image_is_listed_with_its_reason(make: Make, tools: Toolchain) -> None:
    make("c.png", "-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1")
    cover = ("-attach", "c.png", "-metadata:s:t", "mimetype=image/png")
    (found,) = probe_source(make("a.mkv", *_VIDEO, *_X264, *cover), tools).left_out
    assert (found.kind, "cover image" in found.why) == ("video", True)


def test_other_content_of_matroska_is_listed(make: Make, tools: Toolchain) -> None:
    argv = ("-i", "s.srt", "-i", "c.txt", "-map", "0", "-map", "1", "-map_chapters", "2", *_X264)
    extra = ("-c:s", "srt", "-metadata:s:s:0", "language=eng", "-attach", "s.srt")
    more = ("-metadata:s:t", "mimetype=text/plain")
    facts = probe_source(make("a.mkv", *_VIDEO, *argv, *extra, *more), tools)
    assert _kinds(facts) == ["data"]
    assert [(each.codec, each.language) for each in facts.subtitles] == [("subrip", "eng")]


def test_data_of_an_unknown_kind_is_listed() -> None:
    streams = [
        {"index": 0, "codec_type": "video"},
        {"index": 1, "codec_type": "data", "codec_tag_string": "klva"},
    ]
    (found,) = left_out_streams(streams, [0])
    assert (found.kind, found.what) == ("data", "stream 1 (klva)")


def test_items_are_sorted_by_kind_without_duplicates() -> None:
    items = [LeftOut(kind=kind, what="x", why="y") for kind in reversed(KINDS)]
    assert [each.kind for each in sort_left_out(items + items)] == list(KINDS)


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(UsageError, match="'unknown'"):
        LeftOut(kind="unknown", what="x", why="y")


def test_facts_of_older_releases_without_the_list_are_read() -> None:
    video = VideoFacts(
        codec="h264", width=2, height=2, fps=Fraction(25), frames=1, pixel_format="yuv420p", timescale=25
    )
    plain = SourceFacts(bytes=1, fingerprint="ab", duration_s=1.0, container="mov", video=video).to_json()
    del plain["left_out"]
    assert SourceFacts.from_json(plain).left_out == ()


def test_image_subtitles_are_listed_and_text_subtitles_are_not() -> None:
    streams = [
        {"index": 0, "codec_type": "video"},
        {
            "index": 1,
            "codec_type": "subtitle",
            "codec_name": "hdmv_pgs_subtitle",
            "tags": {"language": "eng"},
        },
        {"index": 2, "codec_type": "subtitle", "codec_name": "subrip"},
    ]
    (found,) = left_out_streams(streams, [0, *(each["index"] for each in subtitle_streams(streams))])
    assert (found.kind, found.what) == ("subtitle", "stream 1 (hdmv_pgs_subtitle, eng)")
    assert "images" in found.why


def test_omitted_boxes_are_listed(make: Make, tools: Toolchain, tmp_path: Path) -> None:
    plain = make("a.mp4", *_VIDEO, *_X264).read_bytes()
    xmp = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + b"<x:xmpmeta/>"
    path = tmp_path / "b.mp4"
    path.write_bytes(plain + make_box("uuid", xmp) + make_box("inst", b"abc") + make_box("free", b"abc"))
    left = probe_source(path, tools).left_out
    assert [(each.kind, each.what) for each in left] == [
        ("metadata", "an XMP packet (36 bytes)"),
        ("metadata", "box 'inst' (11 bytes)"),
    ]
    path.write_bytes(plain + b"\xff" * 100)
    (trailer,) = probe_source(path, tools).left_out
    assert trailer.what.startswith("data after the last box")
    at = plain.rindex(b"mvhd") - 4
    size = int.from_bytes(plain[at - 8 : at - 4], "big")
    inner = plain[at : at - 8 + size] + make_box("RVMI", b"12345678")
    assert plain[at - 4 : at] == b"moov"
    path.write_bytes(plain[: at - 8] + make_box("moov", inner))
    assert [each.what for each in probe_source(path, tools).left_out] == ["moov/RVMI (16 bytes)"]
