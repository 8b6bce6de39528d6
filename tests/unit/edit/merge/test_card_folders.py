"""A card whose folders ran out within recordings, as `run`, `submit` and `merge` see it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eddyline.core.errors import InputError
from eddyline.edit.merge.merge import group_recordings, merge
from eddyline.mp4.index import read_movie
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import link_references, passthrough
from eddyline.pipeline.submission.discover import discover
from eddyline.store.ranges import FileRanges

BEGAN = 3_800_000_000  # seconds since 1904
LENGTH_S = 2
Shot = Callable[[str, int], Path]


@pytest.fixture
def shot(clip: Path, tmp_path: Path) -> Shot:
    """shot(place, began) -> a clip of 2 s at this place of the card, created so many seconds after BEGAN."""

    def make(place: str, began: int) -> Path:
        out = tmp_path / "card" / place
        out.parent.mkdir(parents=True, exist_ok=True)
        with FileRanges(clip) as src:
            movie = read_movie(src)
            tracks = link_references(movie.tracks, [passthrough(movie, track, src) for track in movie.tracks])
            created = BEGAN + began if began >= 0 else 0
            write_mp4(out, tracks, timescale=movie.timescale, udta=movie.udta, creation_time=created)
        return out

    return make


def found(card: Path) -> list[list[str]]:
    """The recordings on the card, by the places of their files."""
    footage = discover([card]).videos
    return [[str(Path(each).relative_to(card)) for each in group] for group in group_recordings(footage)]


@pytest.mark.parametrize("begins", [(0, 2, 4), (0, 0, 0), (0, 9, 5), (-1, -1, -1), (0, -1, 4)])
def test_chapters_of_one_recording_are_joined_over_folders(
    shot: Shot, tmp_path: Path, begins: tuple[int, int, int]
) -> None:
    """Cameras write the recording's beginning into each chapter, each chapter's own, or nothing."""
    places = ["DCIM/100GOPRO/GX010042.MP4", "DCIM/100GOPRO/GX020042.MP4", "DCIM/101GOPRO/GX030042.MP4"]
    paths = [shot(place, began) for place, began in zip(places, begins, strict=True)]
    assert found(tmp_path / "card") == [places]
    assert merge([paths[2], paths[0], paths[1]], tmp_path / "out.mp4").frames == 180


@pytest.mark.parametrize("later_s", [3600, 86400 * 30, 100])
def test_the_same_number_of_another_time_is_another_recording(
    shot: Shot, tmp_path: Path, later_s: int
) -> None:
    first = [shot(f"DCIM/100GOPRO/GX0{n}0042.MP4", 2 * n) for n in (1, 2)]
    other = [shot(f"DCIM/101GOPRO/GX0{n}0042.MP4", later_s) for n in (3, 4)]
    assert found(tmp_path / "card") == [
        ["DCIM/100GOPRO/GX010042.MP4", "DCIM/100GOPRO/GX020042.MP4"],
        ["DCIM/101GOPRO/GX030042.MP4", "DCIM/101GOPRO/GX040042.MP4"],
    ]
    with pytest.raises(InputError, match=r"GX030042\.MP4 was recorded"):
        merge([*first, *other], tmp_path / "out.mp4")
    assert merge([*first, *other], tmp_path / "out.mp4", force=True).frames == 240


def test_in_a_time_lapse_more_time_passes_than_chapters_last(
    shot: Shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eddyline.gpmf.camera import Camera

    monkeypatch.setattr(Camera, "time_lapse", property(lambda _: True))
    shot("DCIM/100GOPRO/GX010042.MP4", 0)
    shot("DCIM/101GOPRO/GX020042.MP4", 60)
    assert len(found(tmp_path / "card")) == 1


def test_of_three_folders_those_that_belong_together_are_joined(shot: Shot, tmp_path: Path) -> None:
    shot("DCIM/100GOPRO/GX010042.MP4", 0)
    shot("DCIM/101GOPRO/GX020042.MP4", 2)
    shot("DCIM/102GOPRO/GX030042.MP4", 5000)
    assert found(tmp_path / "card") == [
        ["DCIM/100GOPRO/GX010042.MP4", "DCIM/101GOPRO/GX020042.MP4"],
        ["DCIM/102GOPRO/GX030042.MP4"],
    ]


def test_a_fusions_card_has_two_recordings_of_each_take(shot: Shot, tmp_path: Path) -> None:
    for name in ("GPFR0042", "GF010042"):
        shot(f"DCIM/100GFRNT/{name}.MP4", 0)
    shot("DCIM/101GFRNT/GF020042.MP4", 4)
    for name in ("GPBK0042", "GB010042"):
        shot(f"DCIM/100GBACK/{name}.MP4", 0)
    front = tmp_path / "card/DCIM/100GFRNT"
    for name in ("GPFR0042.LRV", "GPFR0042.THM", "GPFR0042.WAV"):
        shutil.copyfile(front / "GPFR0042.MP4", front / name)
    assert found(tmp_path / "card") == [
        ["DCIM/100GBACK/GPBK0042.MP4", "DCIM/100GBACK/GB010042.MP4"],
        ["DCIM/100GFRNT/GPFR0042.MP4", "DCIM/100GFRNT/GF010042.MP4", "DCIM/101GFRNT/GF020042.MP4"],
    ]
    assert {Path(each).suffix for each, _ in discover([tmp_path / "card"]).skipped} == {
        ".LRV",
        ".THM",
        ".WAV",
    }


def test_side_files_that_are_named_are_chapters_too(shot: Shot) -> None:
    proxies = [str(shot(f"DCIM/100GOPRO/GL0{n}0042.LRV", 2 * n)) for n in (1, 2)]
    assert group_recordings(discover(proxies).videos) == [tuple(proxies)]
