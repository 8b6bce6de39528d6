"""Chapters in an MP4 are read by other programs, and do not change other tracks and boxes."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.errors import ProofError
from eddyline.media.chapters.chapter_track import add_chapter_track, add_nero_list, verify_chapters
from eddyline.media.chapters.source_chapters import read_chapter_track
from eddyline.media.pictures.highlights import Chapter
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece, link_references, passthrough
from eddyline.pipeline.demo_clip import make_clip
from eddyline.store.ranges import FileRanges

CHAPTERS = (
    Chapter(frame=0, title="Start"),
    Chapter(frame=7, title="HiLight 1"),
    Chapter(frame=20, title="HiLight 2 (voice)"),
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "demo.mp4", seconds=1, width=160, height=90)


def _index(path: Path) -> Movie:
    with FileRanges(path) as src:
        return read_movie(src)


def _chaptered(clip: Path, out: Path, chapters: tuple[Chapter, ...] = CHAPTERS) -> tuple[Presentation, bytes]:
    movie = _index(clip)
    video = movie.tracks[0]
    shown = build_presentation(movie, video)
    tracks = link_references(movie.tracks, [passthrough(movie, each, clip) for each in movie.tracks])
    udta = add_nero_list(movie.udta, chapters, shown, video.timescale)
    write_mp4(out, add_chapter_track(tracks, chapters, shown), timescale=movie.timescale, udta=udta)
    verify_chapters(out, chapters, shown, video.timescale, udta=udta)
    return shown, udta or b""


def test_chapters_round_trip_to_the_tick(clip: Path, tmp_path: Path) -> None:
    shown, _ = _chaptered(clip, tmp_path / "out.mp4")
    with FileRanges(tmp_path / "out.mp4") as src:
        found = read_chapter_track(src, read_movie(src))
    scale = _index(clip).tracks[0].timescale
    assert found == [(Fraction(int(shown.pts[each.frame]), scale), each.title) for each in CHAPTERS]


def test_other_tracks_and_the_boxes_of_the_camera_are_unchanged(clip: Path, tmp_path: Path) -> None:
    _chaptered(clip, tmp_path / "out.mp4")
    before, after = _index(clip), _index(tmp_path / "out.mp4")
    assert [each.format for each in after.tracks] == ["avc1", "mp4a", "gpmd", "text"]
    assert before.udta is not None
    assert after.udta is not None
    assert after.udta.endswith(before.udta)
    assert after.duration == before.duration
    with FileRanges(clip) as old, FileRanges(tmp_path / "out.mp4") as new:
        for one, other in zip(before.tracks, after.tracks, strict=False):
            assert list(iter_samples(old, one)) == list(iter_samples(new, other))
            assert np.array_equal(one.samples.pts, other.samples.pts)
            assert one.edits == other.edits


def test_the_chapter_track_is_not_shown_as_subtitles(clip: Path, tmp_path: Path) -> None:
    _chaptered(clip, tmp_path / "out.mp4")
    tracks = _index(tmp_path / "out.mp4").tracks
    assert [each.enabled for each in tracks] == [True, True, True, False]
    assert tracks[0].references == {"chap": (4,)}
    assert tracks[2].references == {}


def test_the_first_chapter_starts_at_zero_regardless_of_its_frame(clip: Path, tmp_path: Path) -> None:
    chapters = (Chapter(frame=0, title="HiLight 1"),)
    _chaptered(clip, tmp_path / "out.mp4", chapters)
    with FileRanges(tmp_path / "out.mp4") as src:
        assert read_chapter_track(src, read_movie(src)) == [(Fraction(0), "HiLight 1")]


def test_ffprobe_lists_every_chapter_once(clip: Path, tmp_path: Path, ffprobe: str) -> None:
    shown, _ = _chaptered(clip, tmp_path / "out.mp4")
    output = subprocess.run(
        [ffprobe, "-v", "error", "-show_chapters", "-of", "json", tmp_path / "out.mp4"],
        capture_output=True,
        check=True,
    ).stdout
    found = json.loads(output)["chapters"]
    assert [each["tags"]["title"] for each in found] == [each.title for each in CHAPTERS]
    starts = [Fraction(each["time_base"]) * each["start"] for each in found]
    assert starts == [Fraction(int(shown.pts[each.frame]), 90_000) for each in CHAPTERS]


def test_exiftool_lists_the_chapters_and_the_telemetry(clip: Path, tmp_path: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not on this machine")
    _chaptered(clip, tmp_path / "out.mp4")
    output = subprocess.run(
        ["exiftool", "-ee", "-j", "-G3", "-api", "LargeFileSupport=1", tmp_path / "out.mp4"],
        capture_output=True,
        check=True,
    ).stdout
    found = json.loads(output)[0]
    values = {key.split(":")[-1]: value for key, value in found.items()}
    listed = [str(value) for key, value in found.items() if key.endswith("ChapterList")]
    assert any("HiLight" in each for each in listed), sorted(values)
    assert values["Model"] == "Eddyline Demo"
    assert "Accelerometer" in values


def test_the_list_is_at_the_start_with_times_in_tenths_of_microseconds(clip: Path) -> None:
    shown = build_presentation(_index(clip), _index(clip).tracks[0])
    udta = add_nero_list(b"\0\0\0\x08FIRM\0\0\0\0", CHAPTERS, shown, 90_000) or b""
    assert udta[4:8] == b"chpl"
    assert udta.endswith(b"\0\0\0\x08FIRM\0\0\0\0")
    assert udta[16] == len(CHAPTERS)
    start, length = struct.unpack_from(">QB", udta, 17 + 9 + len("Start"))
    assert (start, length) == (-(-int(shown.pts[7]) * 10_000_000 // 90_000), len("HiLight 1"))


def test_a_rendition_encoded_again_has_one_list(clip: Path, tmp_path: Path) -> None:
    shown, udta = _chaptered(clip, tmp_path / "once.mp4")
    assert add_nero_list(udta, CHAPTERS, shown, 90_000) == udta
    fewer = add_nero_list(udta, CHAPTERS[:2], shown, 90_000) or b""
    assert fewer.count(b"chpl") == 1
    assert fewer.endswith(_index(clip).udta or b"none")


def test_more_chapters_than_the_list_supports_are_only_in_the_track() -> None:
    shown = Presentation(sample=np.arange(300), pts=np.arange(300), end=300)
    many = tuple(Chapter(frame=each, title="x") for each in range(256))
    assert add_nero_list(b"own", many, shown, 30) == b"own"
    assert add_nero_list(None, (), shown, 30) is None


def test_ticks_that_exceed_32_bits_become_milliseconds(tmp_path: Path) -> None:
    shown = Presentation(
        sample=np.arange(3), pts=np.array([0, 5_000_000_000, 9_000_000_000]), end=10_000_000_000
    )
    video = OutputTrack(
        handler="vide",
        name="",
        timescale=10_000_000,
        stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), make_box("avc1", bytes(78))),
        media_header=make_full_box("vmhd", 0, 1, bytes(8)),
        pieces=(Piece(source=tmp_path, offset=np.zeros(0, np.int64), size=np.zeros(0, np.int64)),),
        duration=np.zeros(0, np.int64),
    )
    _, track = add_chapter_track([video], (*CHAPTERS[:1], Chapter(frame=1, title="HiLight 1")), shown)
    assert track.timescale == 1000
    assert track.duration.tolist() == [500_000, 500_000]


def test_missing_chapters_and_changed_boxes_are_detected(clip: Path, tmp_path: Path) -> None:
    shown, udta = _chaptered(clip, tmp_path / "out.mp4")
    with pytest.raises(ProofError, match="chapters"):
        verify_chapters(clip, CHAPTERS, shown, 90_000, udta=udta)
    with pytest.raises(ProofError, match="moov/udta differs"):
        verify_chapters(tmp_path / "out.mp4", CHAPTERS, shown, 90_000, udta=udta[:-1])
    moved = (CHAPTERS[0], Chapter(frame=9, title="HiLight 1"), CHAPTERS[2])
    with pytest.raises(ProofError, match="frame 9"):
        verify_chapters(tmp_path / "out.mp4", moved, shown, 90_000, udta=udta)
