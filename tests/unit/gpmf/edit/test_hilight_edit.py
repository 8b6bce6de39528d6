"""HiLights of all chapters, each shifted by the length of the previous chapters."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from eddyline import gpmf
from eddyline.core.errors import UnsupportedError
from eddyline.gpmf.edit.hilight_edit import HilightChapter, merge_hilights
from eddyline.gpmf.hilights import read_hilights
from eddyline.mp4.boxes import find_box, iter_boxes, make_box


def hmmt_box(*times: int) -> bytes:
    return make_box("HMMT", struct.pack(f">{1 + len(times)}I", len(times), *times).ljust(404, b"\0"))


def hlmt_box(*times: int, type_: str = "LLLllfFff") -> bytes:
    rows = [(time, time, time + 5, 0, 0, 0.0, b"MANL", 100.0, 100.0)[: len(type_)] for time in times]
    stream = gpmf.stream("HLMT", "?", rows, complex_type=type_, total=len(times)) if rows else None
    device = gpmf.device("HLMT", "Highlights", [stream] if stream else [])
    settings = gpmf.device(1, "Global Settings", [])
    return make_box("GPMF", gpmf.serialize([settings, device]).ljust(2048, b"\0"))


def hilight_times(udta: bytes) -> list[float]:
    settings = gpmf.parse(find_box(udta, "GPMF"))
    return [hilight.time_s for hilight in read_hilights(iter_boxes(udta), settings)]


def merge(*udtas: bytes) -> bytes:
    return merge_hilights([HilightChapter(udta=udta, start_ms=10_000 * at) for at, udta in enumerate(udtas)])


def test_hmmt_hilights_are_shifted_by_the_previous_chapters() -> None:
    udta = merge(hmmt_box(500, 900), hmmt_box(), hmmt_box(100))
    assert hilight_times(udta) == [0.5, 0.9, 20.1]
    assert len(udta) == len(hmmt_box())


def test_hlmt_hilights_are_shifted_with_their_ranges() -> None:
    udta = merge(hlmt_box(500), hlmt_box(100, 200), hlmt_box())
    assert hilight_times(udta) == [0.5, 10.1, 10.2]
    assert len(udta) == len(hlmt_box())
    settings = gpmf.parse(udta[8:])
    assert next(settings.find("TSMP")).array().item() == 3
    assert [hilight.end_s for hilight in read_hilights([], settings)] == [0.505, 10.105, 10.205]


def test_hilights_of_later_chapters_only_are_added() -> None:
    assert hilight_times(merge(hlmt_box(), hlmt_box(100))) == [10.1]
    assert hilight_times(merge(b"", hlmt_box(100))) == [10.1]
    assert hilight_times(merge(b"", hmmt_box(100))) == [10.1]


def test_the_udta_is_unchanged_if_only_the_first_chapter_has_hilights() -> None:
    first = make_box("FIRM", b"HD9") + hmmt_box(500) + hlmt_box(500) + bytes(4)
    assert merge(first, hmmt_box() + hlmt_box(), make_box("FIRM", b"HD9")) == first


def test_other_boxes_and_the_end_of_udta_are_unchanged() -> None:
    udta = merge(
        make_box("FIRM", b"HD9") + hmmt_box(500) + make_box("MUID", bytes(32)) + bytes(4), hmmt_box(100)
    )
    assert [box.kind for box in iter_boxes(udta)] == ["FIRM", "HMMT", "MUID"]
    assert udta.endswith(bytes(4))


def test_the_box_grows_for_more_hilights() -> None:
    many = hmmt_box(*range(60, 120))
    assert len(hilight_times(merge(many, many))) == 120


def test_hilights_with_different_layouts_are_rejected() -> None:
    with pytest.raises(UnsupportedError, match="different ways"):
        merge(hlmt_box(500), hlmt_box(500, type_="LLLllfFf"))


def test_hilights_of_a_camera_file_are_shifted(samples: Path) -> None:
    block = make_box("GPMF", (samples / "gpmf" / "mp4header.raw").read_bytes())
    first = hilight_times(block)
    assert len(first) == 3
    assert hilight_times(merge(block, block)) == pytest.approx([*first, *(10 + time for time in first)])
