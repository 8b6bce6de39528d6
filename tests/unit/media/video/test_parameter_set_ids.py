"""Ids of a second encoder's parameter sets do not collide with the camera's."""

from __future__ import annotations

from eddyline.media.video.parameter_set_ids import HevcSetIds, unused_id
from eddyline.media.video.parameter_sets import ParameterSets


def test_new_pps_ids_extend_a_slice_by_exactly_one_byte() -> None:
    numbers = HevcSetIds(vps=1, sps=1, pps=15)
    idr = bytes([19 << 1, 1, 0b10110101, 0xAB, 0xCD])
    renumbered = numbers.renumber(idr)
    assert renumbered[:2] == idr[:2]
    bits = "".join(f"{byte:08b}" for byte in renumbered[2:])
    assert bits == "10" + "000010000" + "10101" + f"{0xAB:08b}{0xCD:08b}"
    trailing = bytes([1 << 1, 1, 0b11010101, 0xAB])
    bits = "".join(f"{byte:08b}" for byte in numbers.renumber(trailing)[2:])
    assert bits == "1" + "000010000" + "010101" + f"{0xAB:08b}"


def test_an_unused_id_is_in_neither_list() -> None:
    sps, pps = b"\x67\x64\x00\x28\x50", b"\x68\x70"  # ids 1 and 2: "010" and "011"
    sets = ParameterSets(codec="h264", units=(sps, pps), length_size=4, profile=100, level=40)
    assert unused_id(sets) == 3
