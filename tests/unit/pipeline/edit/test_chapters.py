"""Names of chapters: which recording, which place in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import InputError, UsageError
from eddyline.pipeline.edit.chapters import ChapterName, chapter_name, grouped, in_order, sibling


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("GX010042.MP4", ("GX.MP4", "0042", 1, False)),
        ("gh120042.mp4", ("GH.MP4", "0042", 12, False)),
        ("GS020042.360", ("GS.360", "0042", 2, False)),
        ("GL020042.LRV", ("GL.LRV", "0042", 2, False)),
        ("GOPR0042.MP4", ("GOPR.MP4", "0042", 0, False)),
        ("GP030042.MP4", ("GOPR.MP4", "0042", 3, False)),
        ("GHAB0007.MP4", ("GH.MP4", "AB", 7, True)),
    ],
)
def test_a_name_says_recording_and_chapter(name: str, said: tuple[str, str, int, bool]) -> None:
    family, clip, chapter, looping = said
    expected = ChapterName(family=family, clip=clip, chapter=chapter, looping=looping)
    assert chapter_name(name) == expected


@pytest.mark.parametrize("name", ["holiday.mp4", "GX10042.MP4", "GPAA7112.JPG", "GX010042-merged.MP4"])
def test_other_names_say_nothing(name: str) -> None:
    assert chapter_name(name) is None


def paths(*names: str) -> list[Path]:
    return [Path(name) for name in names]


def test_chapters_come_in_the_order_they_were_filmed() -> None:
    assert in_order(paths("GX030042.MP4", "b/GX010042.MP4", "GX020042.MP4")) == tuple(
        paths("b/GX010042.MP4", "GX020042.MP4", "GX030042.MP4")
    )
    assert in_order(paths("GP010042.MP4", "GOPR0042.MP4"))[0].name == "GOPR0042.MP4"
    assert in_order(paths("GHAA0002.MP4", "GHAA0001.MP4"))[0].name == "GHAA0001.MP4"


def test_names_of_no_camera_keep_the_order_given() -> None:
    assert in_order(paths("b.mp4", "a.mp4")) == tuple(paths("b.mp4", "a.mp4"))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("GX010042.MP4",), "nothing to merge"),
        (("GX010042.MP4", "GX020043.MP4"), "0042.*0043"),
        (("GX010042.MP4", "GH020042.MP4"), "GX.MP4.*GH.MP4"),
        (("GX010042.MP4", "b/GX010042.MP4"), "same chapter"),
        (("GX010042.MP4", "holiday.mp4"), "holiday.mp4 is not"),
        (("a.mp4", "a.mp4"), "twice"),
    ],
)
def test_files_of_more_than_one_recording_are_refused(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        in_order(paths(*names))


def test_a_missing_chapter_is_refused_unless_forced() -> None:
    with pytest.raises(InputError, match=r"2 to 3 is missing between GX010042\.MP4 and GX040042\.MP4"):
        in_order(paths("GX040042.MP4", "GX010042.MP4"))
    assert len(in_order(paths("GX040042.MP4", "GX010042.MP4"), force=True)) == 2


def test_footage_is_grouped_by_folder_recording_and_gap() -> None:
    footage = paths(
        "a/GX010042.MP4", "a/GX010043.MP4", "a/GX020042.MP4", "a/GX040042.MP4", "b/GX030042.MP4", "x.mp4"
    )
    assert grouped(footage) == [
        tuple(paths("a/GX010042.MP4", "a/GX020042.MP4")),
        tuple(paths("a/GX040042.MP4")),
        tuple(paths("a/GX010043.MP4")),
        tuple(paths("b/GX030042.MP4")),
        tuple(paths("x.mp4")),
    ]


def test_looping_chapters_stay_apart() -> None:
    assert len(grouped(paths("GHAA0001.MP4", "GHAA0002.MP4"))) == 2


@pytest.mark.parametrize(
    ("name", "step", "beside"),
    [
        ("GX010042.MP4", 1, "GX020042.MP4"),
        ("gh120042.mp4", -2, "gh100042.mp4"),
        ("GOPR0042.MP4", 1, "GP010042.MP4"),
        ("GP010042.MP4", -1, "GOPR0042.MP4"),
        ("gp010042.mp4", -1, "gopr0042.mp4"),
        ("GX010042.MP4", -1, None),
        ("GOPR0042.MP4", -1, None),
        ("GX990042.MP4", 1, None),
        ("GHAB0007.MP4", 1, None),
        ("holiday.mp4", 1, None),
    ],
)
def test_a_chapter_names_those_beside_it(name: str, step: int, beside: str | None) -> None:
    assert sibling(name, step) == beside
    if beside is not None:
        assert sibling(beside, -step) == name
        one, other = chapter_name(name), chapter_name(beside)
        assert one is not None
        assert other is not None
        assert (other.family, other.clip, other.chapter) == (one.family, one.clip, one.chapter + step)
