"""Merged telemetry of chapters has continuous counts and stamps, and is otherwise unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.gpmf.edit.chapters import Chapter, merge_chapters
from eddyline.gpmf.payloads import Payloads, join_payloads

SECOND = 1_000_000


def payloads(*blocks: bytes) -> Payloads:
    """Payloads of one second each."""
    number = np.arange(len(blocks), dtype=np.float64)
    size = np.array([len(block) for block in blocks])
    return join_payloads(blocks, offset=np.cumsum(size) - size, start_s=number, end_s=number + 1)


def block(*, total: int, count: int, stamp: int | None = None, key: str = "ACCL") -> bytes:
    """One payload with `count` samples and the running total `total`."""
    stream = gpmf.stream(key, "s", [[each, 0, 0] for each in range(count)], total=total, stamp=stamp)
    return gpmf.serialize([gpmf.device(1, "Camera", [stream])])


def chapter(at: float, counts: Sequence[int], *, before: int = 0, stamp: int | None = None) -> Chapter:
    totals = before + np.cumsum(counts)
    blocks = [
        block(total=int(total), count=count, stamp=None if stamp is None else stamp + number * SECOND)
        for number, (total, count) in enumerate(zip(totals, counts, strict=True))
    ]
    return Chapter(payloads=payloads(*blocks), start_s=at)


def values(data: bytes, key: str) -> list[int]:
    return [int(node.array().ravel()[0]) for node in gpmf.parse(data).find(key)]


def test_totals_continue_from_chapter_to_chapter() -> None:
    merged = merge_chapters([chapter(0, [198, 200]), chapter(2, [199, 198]), chapter(4, [200])])
    assert [values(data, "TSMP") for data in merged] == [[198, 398], [597, 795], [995]]


def test_the_first_chapter_keeps_its_bytes() -> None:
    first = chapter(0, [198, 200], stamp=80_000)
    assert merge_chapters([first, chapter(2, [199])])[0] == first.payloads.data


def test_a_chapter_that_continues_already_keeps_its_bytes() -> None:
    second = chapter(2, [199, 198], before=398, stamp=80_000 + 2 * SECOND)
    merged = merge_chapters([chapter(0, [198, 200], stamp=80_000), second])
    assert merged[1] == second.payloads.data


def test_a_short_chapter_is_not_mistaken_for_a_continuing_one() -> None:
    # The restarted count (205) is larger than the whole count before (200).
    merged = merge_chapters([chapter(0, [200]), chapter(1, [205])])
    assert values(merged[1], "TSMP") == [405]


def test_restarted_stamps_are_shifted_to_the_start_of_the_chapter() -> None:
    merged = merge_chapters([chapter(0, [9, 9], stamp=80_000), chapter(2.002, [9, 9], stamp=70_000)])
    assert values(merged[1], "STMP") == [2_082_000, 3_082_000]


def test_stamps_in_nanoseconds_are_shifted_in_nanoseconds() -> None:
    def chapter_in_nanoseconds(at: float) -> Chapter:
        blocks = [block(total=9 * n, count=9, stamp=n * 1_000 * SECOND) for n in (1, 2, 3)]
        return Chapter(payloads=payloads(*blocks), start_s=at)

    merged = merge_chapters([chapter_in_nanoseconds(0), chapter_in_nanoseconds(3)])
    assert values(merged[1], "STMP") == [n * 1_000 * SECOND for n in (4, 5, 6)]


def test_streams_of_one_key_on_two_devices_are_counted_separately() -> None:
    def two_devices(first: int, second: int) -> Payloads:
        devices = [
            gpmf.device(number, "Camera", [gpmf.stream("ACCL", "s", [[0]] * count, total=count)])
            for number, count in ((1, first), (2, second))
        ]
        return payloads(gpmf.serialize(devices))

    merged = merge_chapters(
        [Chapter(payloads=two_devices(5, 50), start_s=0), Chapter(payloads=two_devices(6, 60), start_s=1)]
    )
    assert values(merged[1], "TSMP") == [11, 110]


def test_a_stream_of_a_later_chapter_only_starts_at_its_own_count() -> None:
    other = Chapter(payloads=payloads(block(total=7, count=7, key="FACE")), start_s=1)
    assert values(merge_chapters([chapter(0, [9]), other])[1], "TSMP") == [7]


def test_a_count_beyond_32_bits_is_an_error() -> None:
    last_count = Chapter(payloads=payloads(block(total=(1 << 32) - 1, count=1)), start_s=0)
    with pytest.raises(gpmf.GpmfError, match="32 bits"):
        merge_chapters([last_count, chapter(1, [9])])


def test_damaged_payloads_are_unchanged() -> None:
    broken = payloads(block(total=9, count=9)[:-8])
    merged = merge_chapters([chapter(0, [9]), Chapter(payloads=broken, start_s=1)])
    assert len(merged[1]) == len(broken.data)


@pytest.mark.parametrize("name", ["karma.mp4", "max-heromode.mp4"])
def test_streams_of_camera_files_continue_and_keep_all_other_bytes(samples: Path, name: str) -> None:
    telemetry = gpmf.read(samples / name)
    end = float(telemetry.payloads.end_s[-1])
    merged = merge_chapters([Chapter(payloads=telemetry.payloads, start_s=index * end) for index in range(3)])
    joined = gpmf.read_payloads(b"".join(merged))
    for label, stream in joined.streams.items():
        totals = stream.numbers("TSMP")
        assert len(stream) == 3 * len(telemetry.streams[label])
        assert totals[-1] == 3 * telemetry.streams[label].numbers("TSMP")[-1]
        assert np.all(np.diff(totals) >= 0)
    original, third = gpmf.parse(telemetry.payloads.data), gpmf.parse(merged[2])
    for (path, a), (_, b) in zip(original.walk(), third.walk(), strict=True):
        assert (a.key, a.size, a.repeat) == (b.key, b.size, b.repeat)
        assert a.data == b.data or a.key in {"TSMP", "STMP"}, path
