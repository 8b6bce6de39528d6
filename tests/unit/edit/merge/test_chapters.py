"""Chapter file names: parsing, order and grouping into recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import InputError, UsageError
from eddyline.edit.merge.chapters import (
    ChapterName,
    group_chapters,
    order_chapters,
    parse_chapter_name,
    sibling_name,
    split_by_folder,
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("GX010042.MP4", ("GX.MP4", "0042", 1, False)),
        ("gh120042.mp4", ("GH.MP4", "0042", 12, False)),
        ("GS020042.360", ("GS.360", "0042", 2, False)),
        ("GL020042.LRV", ("GL.LRV", "0042", 2, False)),
        ("GOPR0042.MP4", ("GOPR.MP4", "0042", 0, False)),
        ("GP030042.MP4", ("GOPR.MP4", "0042", 3, False)),
        ("GPFR0042.MP4", ("GPFR.MP4", "0042", 0, False)),
        ("gf030042.mp4", ("GPFR.MP4", "0042", 3, False)),
        ("GPBK0042.MP4", ("GPBK.MP4", "0042", 0, False)),
        ("GB120042.MP4", ("GPBK.MP4", "0042", 12, False)),
        ("GPFR0042.LRV", ("GPFR.LRV", "0042", 0, False)),
        ("GOPR0042.THM", ("GOPR.THM", "0042", 0, False)),
        ("GG020042.MP4", ("GG.MP4", "0042", 2, False)),
        ("GHAB0007.MP4", ("GH.MP4", "AB", 7, True)),
    ],
)
def test_a_name_is_parsed_into_recording_and_chapter(name: str, parts: tuple[str, str, int, bool]) -> None:
    family, clip, chapter, looping = parts
    expected = ChapterName(family=family, clip=clip, chapter=chapter, looping=looping)
    assert parse_chapter_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "holiday.mp4",
        "GX10042.MP4",
        "GPAA7112.JPG",
        "GX010042-merged.MP4",
        "GPFR01.MP4",
        "GF0142.MP4",
        "GX\u0660\u06610042.MP4",
    ],
)
def test_other_names_are_not_parsed(name: str) -> None:
    assert parse_chapter_name(name) is None


def paths(*names: str) -> list[Path]:
    return [Path(name) for name in names]


def test_chapters_are_sorted_in_recording_order() -> None:
    assert order_chapters(paths("GX030042.MP4", "b/GX010042.MP4", "GX020042.MP4")) == tuple(
        paths("b/GX010042.MP4", "GX020042.MP4", "GX030042.MP4")
    )
    assert order_chapters(paths("GP010042.MP4", "GOPR0042.MP4"))[0].name == "GOPR0042.MP4"
    assert order_chapters(paths("GHAA0002.MP4", "GHAA0001.MP4"))[0].name == "GHAA0001.MP4"


def test_other_names_keep_the_given_order() -> None:
    assert order_chapters(paths("b.mp4", "a.mp4")) == tuple(paths("b.mp4", "a.mp4"))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("GX010042.MP4",), "nothing to merge"),
        (("GX010042.MP4", "GX020043.MP4"), "0042.*0043"),
        (("GX010042.MP4", "GH020042.MP4"), "GX.MP4.*GH.MP4"),
        (("GPFR0042.MP4", "GB010042.MP4"), "GPFR.MP4.*GPBK.MP4"),
        (("GX010042.MP4", "b/GX010042.MP4"), "same chapter"),
        (("GX010042.MP4", "holiday.mp4"), "holiday.mp4 does not"),
        (("a.mp4", "a.mp4"), "twice"),
    ],
)
def test_files_that_are_not_one_recording_are_rejected(names: tuple[str, ...], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        order_chapters(paths(*names))


def test_a_missing_chapter_is_rejected_unless_forced() -> None:
    with pytest.raises(InputError, match=r"2 to 3 is missing between GX010042\.MP4 and GX040042\.MP4"):
        order_chapters(paths("GX040042.MP4", "GX010042.MP4"))
    assert len(order_chapters(paths("GX040042.MP4", "GX010042.MP4"), force=True)) == 2


def test_files_are_grouped_by_folder_recording_and_gap() -> None:
    files = paths(
        "a/GX010042.MP4", "a/GX010043.MP4", "a/GX020042.MP4", "a/GX040042.MP4", "b/GX030042.MP4", "x.mp4"
    )
    assert group_chapters(files) == [
        tuple(paths("a/GX010042.MP4", "a/GX020042.MP4")),
        tuple(paths("a/GX040042.MP4")),
        tuple(paths("a/GX010043.MP4")),
        tuple(paths("b/GX030042.MP4")),
        tuple(paths("x.mp4")),
    ]


def test_looping_chapters_are_not_grouped() -> None:
    assert len(group_chapters(paths("GHAA0001.MP4", "GHAA0002.MP4"))) == 2


@pytest.mark.parametrize(
    ("name", "step", "sibling"),
    [
        ("GX010042.MP4", 1, "GX020042.MP4"),
        ("gh120042.mp4", -2, "gh100042.mp4"),
        ("GOPR0042.MP4", 1, "GP010042.MP4"),
        ("GP010042.MP4", -1, "GOPR0042.MP4"),
        ("gp010042.mp4", -1, "gopr0042.mp4"),
        ("GPFR0042.MP4", 1, "GF010042.MP4"),
        ("GB010042.MP4", -1, "GPBK0042.MP4"),
        ("gf020042.mp4", -1, "gf010042.mp4"),
        ("GPBK0042.MP4", -1, None),
        ("GX010042.MP4", -1, None),
        ("GOPR0042.MP4", -1, None),
        ("GX990042.MP4", 1, None),
        ("GHAB0007.MP4", 1, None),
        ("holiday.mp4", 1, None),
    ],
)
def test_a_sibling_name_differs_only_in_the_chapter_number(name: str, step: int, sibling: str | None) -> None:
    assert sibling_name(name, step) == sibling
    if sibling is not None:
        assert sibling_name(sibling, -step) == name
        one, other = parse_chapter_name(name), parse_chapter_name(sibling)
        assert one is not None
        assert other is not None
        assert (other.family, other.clip, other.chapter) == (one.family, one.clip, one.chapter + step)


CARD = "DCIM/100GOPRO/"
NEXT = "DCIM/101GOPRO/"


def test_chapters_continue_in_the_next_folder_of_the_card() -> None:
    files = [f"{CARD}GX{n:02}0042.MP4" for n in (1, 2)] + [f"{NEXT}GX{n:02}0042.MP4" for n in (3, 4)]
    last = ["DCIM/102GOPRO/GX050042.MP4"]
    assert group_chapters([*reversed(files), *last]) == [(*files, *last)]


@pytest.mark.parametrize(
    "files",
    [
        [f"{CARD}GX010042.MP4", f"{NEXT}GX010042.MP4"],  # a repeated chapter number
        [f"{CARD}GX010042.MP4", "DCIM/102GOPRO/GX020042.MP4"],  # not the next folder
        [f"{CARD}GX010042.MP4", "DCIM/101APPLE/GX020042.MP4"],  # another camera's folder
        ["a/100GOPRO/GX010042.MP4", "b/101GOPRO/GX020042.MP4"],  # another card
        [f"{NEXT}GX010042.MP4", f"{CARD}GX020042.MP4"],  # backwards
        [f"{CARD}GX010042.MP4", f"{NEXT}GX030042.MP4"],  # a gap
        [f"{CARD}GX010042.MP4", f"{NEXT}GH020042.MP4"],  # another codec
        ["day1/GX010042.MP4", "day2/GX020042.MP4"],  # names that are not DCF names
        ["DCIM/100GFRNT/GPFR0042.MP4", "DCIM/100GBACK/GPBK0042.MP4"],
        ["card/GPFR0042.MP4", "card/GB010042.MP4"],  # front, then back
    ],
)
def test_unrelated_files_with_the_same_number_are_not_grouped(files: list[str]) -> None:
    assert sorted(group_chapters(files)) == sorted((each,) for each in files)


def test_a_recording_that_starts_in_the_next_folder_is_not_a_continuation() -> None:
    first = (f"{CARD}GX010042.MP4", f"{CARD}GX020042.MP4")
    other = (f"{NEXT}GX010042.MP4", f"{NEXT}GX020042.MP4", f"{NEXT}GX030042.MP4")
    assert group_chapters([*first, *other]) == [first, other]


def test_fusion_chapters_continue_the_first_file_of_each_side() -> None:
    front = ("100GFRNT/GPFR0042.MP4", "100GFRNT/GF010042.MP4", "101GFRNT/GF020042.MP4")
    back = ("100GBACK/GPBK0042.MP4", "100GBACK/GB010042.MP4", "101GBACK/GB020042.MP4")
    mixed = [each for pair in zip(reversed(front), reversed(back), strict=True) for each in pair]
    assert group_chapters(mixed) == [front, back]


def test_store_addresses_are_grouped_like_paths() -> None:
    files = ("s3://cards/ann/DCIM/100GOPRO/GX010042.MP4", "s3://cards/ann/DCIM/101GOPRO/GX020042.MP4")
    assert group_chapters(files) == [files]
    assert split_by_folder(files) == [(files[0],), (files[1],)]
