"""HiLights of a time range: those within it, relative to its start; all other bytes are unchanged."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from eddyline import gpmf
from eddyline.gpmf.edit.hilight_window import cut_hilights
from eddyline.gpmf.hilights import read_hilights
from eddyline.mp4.boxes import find_box, iter_boxes, make_box


def hilight_times(udta: bytes) -> list[float]:
    settings = gpmf.parse(find_box(udta, "GPMF"), lenient=True)
    return [hilight.time_s for hilight in read_hilights(iter_boxes(udta), settings)]


def test_hmmt_hilights_outside_are_dropped_and_the_others_shifted() -> None:
    times = struct.pack(">4I", 3, 500, 2500, 9000).ljust(404, b"\0")
    udta = make_box("FIRM", b"HD5.02") + make_box("HMMT", times) + bytes(4)
    cut = cut_hilights(udta, 2000, 8000)
    assert hilight_times(cut) == [0.5]
    assert len(cut) == len(udta)
    assert cut[:14] == udta[:14]


def test_hlmt_hilights_are_dropped_and_shifted_with_their_ranges(samples: Path) -> None:
    block = (samples / "gpmf" / "mp4header.raw").read_bytes()
    udta = make_box("GPMF", block)
    times = hilight_times(udta)
    assert len(times) == 3
    start = (times[0] + times[1]) / 2 * 1000
    cut = cut_hilights(udta, start, times[2] * 1000)
    assert np.allclose(hilight_times(cut), [times[1] - start / 1000], atol=0.001)
    assert len(cut) == len(udta)


def test_a_block_without_hilights_is_unchanged() -> None:
    block = gpmf.serialize([gpmf.nest("DEVC", [gpmf.leaf("DVID", "L", 1), gpmf.leaf("MINF", "c", "Camera")])])
    udta = make_box("GPMF", block.ljust(256, b"\0"))
    assert cut_hilights(udta, 1000, 2000) == udta
