from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.gpmf import index
from eddyline.gpmf.errors import WarningCollector
from eddyline.gpmf.payloads import split_payloads

COLUMNS = ("at", "key", "head", "device", "stream", "payload_of")


def both_ways(data: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[index.Index, index.Index]:
    payloads = split_payloads(data)
    monkeypatch.setattr(index, "_MIN_LANES", 1)
    fast = index.build_index(payloads, WarningCollector())
    monkeypatch.setattr(index, "_MIN_LANES", 1 << 30)
    return fast, index.build_index(payloads, WarningCollector())


@pytest.mark.parametrize("name", ["hero5", "hero6+ble", "hero7", "hero11", "Fusion", "karma", "consecutive2"])
def test_the_vectorised_walk_and_the_strict_reader_give_the_same_index(
    samples: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, slow = both_ways((samples / "gpmf" / f"{name}.raw").read_bytes(), monkeypatch)
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(fast, column), getattr(slow, column), err_msg=column)


def test_irregular_devices_among_regular_ones_are_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = gpmf.device(1, "A", [gpmf.stream("ACCL", "s", [[1, 2, 3]], total=1)])
    deep = gpmf.nest(
        "STRM", [gpmf.nest("DEEP", [gpmf.leaf("XXXX", "B", 1)]), gpmf.leaf("GYRO", "s", [[1, 2, 3]])]
    )
    odd = gpmf.device(1, "A", [deep])
    filled = gpmf.device(
        1, "A", [gpmf.Klv(key=gpmf.FILL, data=bytes(8)), gpmf.stream("ACCL", "s", [[4, 5, 6]])]
    )
    strange = gpmf.device(1, "A", [gpmf.leaf("©xyz", "c", "+1+2/"), gpmf.stream("ACCL", "s", [[4, 5, 6]])])
    empty = gpmf.nest("DEVC", [])
    nodes = [plain, odd, plain, filled, strange, empty, plain, gpmf.device(1, "A", [gpmf.nest("STRM", [])])]
    fast, slow = both_ways(gpmf.serialize(nodes * 3), monkeypatch)
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(fast, column), getattr(slow, column), err_msg=column)
    keys = [index.key_name(int(key)) for key in fast.key]
    assert keys.count("ACCL") == 15
    assert keys.count("GYRO") == keys.count("DEEP") == 3


def test_an_impossible_length_in_one_of_many_devices_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    one = gpmf.serialize([gpmf.device(1, "A", [gpmf.stream("ACCL", "s", [[1, 2, 3]], total=1)])])
    bad = bytearray(one)
    bad[bad.index(b"ACCL") + 7] = 200
    monkeypatch.setattr(index, "_MIN_LANES", 1)
    with pytest.raises(gpmf.GpmfError) as caught:
        gpmf.read_payloads(one * 5 + bytes(bad) + one)
    assert caught.value.path == "payload[5]/DEVC[0]/STRM[0]/ACCL"
    assert caught.value.offset == 5 * len(one) + one.index(b"ACCL")
    lenient = gpmf.read_payloads(one * 5 + bytes(bad) + one, lenient=True)
    assert len(lenient.streams["ACCL"]) == 6
    assert lenient.warnings[0].path == "payload[5]/DEVC[0]/STRM[0]/ACCL"
