"""Recordings that continue in the next folder of a card: discovering, grouping and merging their chapters."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eddyline.core.errors import InputError
from eddyline.edit.merge.merge import merge
from eddyline.edit.merge.recordings import group_recordings
from eddyline.mp4.index import read_movie
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import link_references, passthrough
from eddyline.pipeline.submission.discover import discover
from eddyline.store.ranges import FileRanges

CREATED = 3_800_000_000  # seconds since 1904
WriteChapter = Callable[[str, int], Path]


@pytest.fixture
def write_chapter(clip: Path, tmp_path: Path) -> WriteChapter:
    """Returns write_chapter(name, created_s): a clip of 2 s at the path `name` of the card.

    Its creation time is `created_s` seconds after CREATED, or unknown if `created_s` is negative.
    """

    def write(name: str, created_s: int) -> Path:
        out = tmp_path / "card" / name
        out.parent.mkdir(parents=True, exist_ok=True)
        with FileRanges(clip) as src:
            movie = read_movie(src)
            tracks = link_references(movie.tracks, [passthrough(movie, track, src) for track in movie.tracks])
            created = CREATED + created_s if created_s >= 0 else 0
            write_mp4(out, tracks, timescale=movie.timescale, udta=movie.udta, creation_time=created)
        return out

    return write


def recordings_on(card: Path) -> list[list[str]]:
    """Returns the recordings on the card as lists of paths relative to it."""
    files = discover([card]).videos
    return [[str(Path(each).relative_to(card)) for each in group] for group in group_recordings(files)]


@pytest.mark.parametrize("created_s", [(0, 2, 4), (0, 0, 0), (0, 9, 5), (-1, -1, -1), (0, -1, 4)])
def test_chapters_of_one_recording_are_joined_across_folders(
    write_chapter: WriteChapter, tmp_path: Path, created_s: tuple[int, int, int]
) -> None:
    """Cameras store in each chapter the start of the recording, the start of the chapter, or nothing."""
    names = ["DCIM/100GOPRO/GX010042.MP4", "DCIM/100GOPRO/GX020042.MP4", "DCIM/101GOPRO/GX030042.MP4"]
    paths = [write_chapter(name, each_s) for name, each_s in zip(names, created_s, strict=True)]
    assert recordings_on(tmp_path / "card") == [names]
    assert merge([paths[2], paths[0], paths[1]], tmp_path / "out.mp4").frames == 180


@pytest.mark.parametrize("later_s", [3600, 86400 * 30, 100])
def test_the_same_number_at_another_time_is_another_recording(
    write_chapter: WriteChapter, tmp_path: Path, later_s: int
) -> None:
    first = [write_chapter(f"DCIM/100GOPRO/GX0{n}0042.MP4", 2 * n) for n in (1, 2)]
    other = [write_chapter(f"DCIM/101GOPRO/GX0{n}0042.MP4", later_s) for n in (3, 4)]
    assert recordings_on(tmp_path / "card") == [
        ["DCIM/100GOPRO/GX010042.MP4", "DCIM/100GOPRO/GX020042.MP4"],
        ["DCIM/101GOPRO/GX030042.MP4", "DCIM/101GOPRO/GX040042.MP4"],
    ]
    with pytest.raises(InputError, match=r"GX030042\.MP4 was recorded"):
        merge([*first, *other], tmp_path / "out.mp4")
    assert merge([*first, *other], tmp_path / "out.mp4", force=True).frames == 240


def test_time_lapse_chapters_are_grouped_despite_longer_intervals(
    write_chapter: WriteChapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eddyline.gpmf.camera import Camera

    monkeypatch.setattr(Camera, "time_lapse", property(lambda _: True))
    write_chapter("DCIM/100GOPRO/GX010042.MP4", 0)
    write_chapter("DCIM/101GOPRO/GX020042.MP4", 60)
    assert len(recordings_on(tmp_path / "card")) == 1


def test_a_third_folder_with_another_recording_is_not_grouped(
    write_chapter: WriteChapter, tmp_path: Path
) -> None:
    write_chapter("DCIM/100GOPRO/GX010042.MP4", 0)
    write_chapter("DCIM/101GOPRO/GX020042.MP4", 2)
    write_chapter("DCIM/102GOPRO/GX030042.MP4", 5000)
    assert recordings_on(tmp_path / "card") == [
        ["DCIM/100GOPRO/GX010042.MP4", "DCIM/101GOPRO/GX020042.MP4"],
        ["DCIM/102GOPRO/GX030042.MP4"],
    ]


def test_a_fusion_card_has_two_recordings_of_each_take(write_chapter: WriteChapter, tmp_path: Path) -> None:
    for name in ("GPFR0042", "GF010042"):
        write_chapter(f"DCIM/100GFRNT/{name}.MP4", 0)
    write_chapter("DCIM/101GFRNT/GF020042.MP4", 4)
    for name in ("GPBK0042", "GB010042"):
        write_chapter(f"DCIM/100GBACK/{name}.MP4", 0)
    front = tmp_path / "card/DCIM/100GFRNT"
    for name in ("GPFR0042.LRV", "GPFR0042.THM", "GPFR0042.WAV"):
        shutil.copyfile(front / "GPFR0042.MP4", front / name)
    assert recordings_on(tmp_path / "card") == [
        ["DCIM/100GBACK/GPBK0042.MP4", "DCIM/100GBACK/GB010042.MP4"],
        ["DCIM/100GFRNT/GPFR0042.MP4", "DCIM/100GFRNT/GF010042.MP4", "DCIM/101GFRNT/GF020042.MP4"],
    ]
    assert {Path(each).suffix for each, _ in discover([tmp_path / "card"]).skipped} == {
        ".LRV",
        ".THM",
        ".WAV",
    }


def test_proxy_files_given_as_arguments_are_grouped(write_chapter: WriteChapter) -> None:
    proxies = [str(write_chapter(f"DCIM/100GOPRO/GL0{n}0042.LRV", 2 * n)) for n in (1, 2)]
    assert group_recordings(discover(proxies).videos) == [tuple(proxies)]
