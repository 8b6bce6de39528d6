"""Parameter sets of a second encoder are added to a sample entry, which is otherwise unchanged."""

from __future__ import annotations

import struct

import pytest

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.media.video.parameter_sets import read_parameter_sets, with_parameter_sets
from eddyline.mp4.bitstream.nal_units import AVC_PPS, AVC_SPS
from eddyline.mp4.boxes import make_box

_SPS = b"\x67\x64\x00\x28\xa0"
_PPS = b"\x68\x80"
_EXTENSIONS = b"\xfd\xf8\xf8\x00"  # after the two lists: chroma format, bit depths, no SPS extension


def _listed(units: list[bytes], mark: int) -> bytes:
    return bytes([mark | len(units)]) + b"".join(struct.pack(">H", len(unit)) + unit for unit in units)


def _stsd(*configurations: bytes, kind: str = "avc1") -> bytes:
    entries = [
        make_box(kind, bytes(78), each, make_box("pasp", struct.pack(">2I", 1, 1))) for each in configurations
    ]
    return make_box("stsd", bytes(4), struct.pack(">I", len(entries)), *entries)


def _avcc(sps: bytes = _SPS) -> bytes:
    lists = _listed([sps], 0xE0) + _listed([_PPS], 0)
    return make_box("avcC", b"\x01\x64\x00\x28\xff", lists, _EXTENSIONS)


def test_sets_are_added_after_the_cameras_own_and_the_rest_is_unchanged() -> None:
    added = (b"\x67\x64\x00\x28\x60", b"\x68\x40")
    changed = with_parameter_sets(_stsd(_avcc()), 1, added)
    sets = read_parameter_sets(changed)
    assert (sets.codec, sets.length_size, sets.profile, sets.level) == ("h264", 4, 100, 40)
    assert sets.of(AVC_SPS) == (_SPS, added[0])
    assert sets.of(AVC_PPS) == (_PPS, added[1])
    assert _EXTENSIONS + make_box("pasp", struct.pack(">2I", 1, 1)) in changed
    assert struct.unpack(">I", changed[:4]) == (len(changed),)


def test_only_the_requested_sample_entry_is_kept() -> None:
    other = b"\x67\x42\x00\x1e\xa0"
    changed = with_parameter_sets(_stsd(_avcc(), _avcc(other)), 2, (b"\x68\x40",))
    assert read_parameter_sets(changed).of(AVC_SPS) == (other,)
    with pytest.raises(IndexError):
        read_parameter_sets(changed, 2)


def test_other_codecs_and_truncated_boxes_are_rejected() -> None:
    with pytest.raises(UnsupportedError, match="keyframes"):
        read_parameter_sets(_stsd(make_box("av1C", bytes(4)), kind="av01"))
    with pytest.raises(InputError, match="is truncated"):
        read_parameter_sets(_stsd(make_box("avcC", b"\x01\x64\x00\x28\xff\xe1\x00")))
