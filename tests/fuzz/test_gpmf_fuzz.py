"""Randomly damaged telemetry is read, rejected or read in part, in bounded time and memory."""

from __future__ import annotations

import contextlib
import struct
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.gpmf.format.huffman_encoder import compressed, recompressed

from eddyline import gpmf
from eddyline.core.errors import EddylineError

_SECONDS = 5.0
_MEMORY = 64 << 20  # bytes, for inputs of some 30 kB
_WORDS = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"DEVC",
    b"STRM",
    b"\0\x01\0\0",
    b"TSMP",
    b"SCAL",
    b"TYPE",
    b"?\xff\xff\xff",
)


def _payload(number: int) -> bytes:
    """One payload with every kind of stream."""
    at = 1_000_000 + number * 1_001_000
    gps = [
        gpmf.leaf("GPSF", "L", 3),
        gpmf.leaf("GPSU", "U", f"2209201329{number:02d}.000"),
        gpmf.leaf("GPSP", "S", 150),
    ]
    orientation = [gpmf.leaf("ORIN", "c", "YxZ"), gpmf.leaf("MTRX", "f", [[0, 0, 1, 0, -1, 0, 1, 0, 0]])]
    streams = [
        gpmf.stream(
            "ACCL",
            "s",
            [[1, 2, 3]] * 20,
            scale=[417],
            total=20 * number + 20,
            stamp=at,
            modifiers=orientation,
        ),
        gpmf.stream("GPS5", "l", [[1, 2, 3, 4, 5]] * 2, scale=[1e7, 1e7, 1000, 1000, 100], modifiers=gps),
        gpmf.stream("GPS9", "?", [(1, 2, 3, 4, 5, 8298, 7, 8, 3)] * 2, complex_type="lllllllSS", stamp=at),
        gpmf.stream(
            "FACE", "?", [[], [(1, 0.5)], []], complex_type="Lf[3]"[:2], stepped=True, total=3 * number + 3
        ),
        gpmf.stream("SHUT", "f", [0.01] * 3, units=["s"], stamp=at),
        gpmf.stream("XXXX", "G", [bytes(16)]),
    ]
    return gpmf.serialize([gpmf.device(1, "Camera", streams), gpmf.device(2, "Other", streams[:1])])


_LONG = b"".join(_payload(number) for number in range(30))
_SHORT = b"".join(_payload(number) for number in range(2))
_COMPRESSED = b"".join(recompressed(_payload(number), {"ACCL", "GPS5"}) for number in range(8))

damage = st.lists(
    st.one_of(
        st.tuples(st.just("byte"), st.integers(0, 1 << 20), st.integers(0, 255)),
        st.tuples(st.just("word"), st.integers(0, 1 << 20), st.sampled_from(_WORDS)),
        st.tuples(st.just("cut"), st.integers(0, 1 << 20), st.integers(1, 200)),
        st.tuples(st.just("truncate"), st.integers(0, 1 << 20), st.just(0)),
        st.tuples(st.just("insert"), st.integers(0, 1 << 20), st.binary(min_size=1, max_size=40)),
    ),
    min_size=1,
    max_size=12,
)


def damaged(data: bytes, changes: list[tuple[str, int, int | bytes]]) -> bytes:
    out = bytearray(data)
    for kind, offset, value in changes:
        at = offset % max(len(out), 1)
        if kind == "byte" and isinstance(value, int):
            out[at : at + 1] = bytes([value])
        elif kind == "word" and isinstance(value, bytes):
            out[at // 4 * 4 : at // 4 * 4 + 4] = value
        elif kind == "cut" and isinstance(value, int):
            del out[at : at + value]
        elif kind == "truncate":
            del out[at:]
        elif isinstance(value, bytes):
            out[at:at] = value
    return bytes(out)


def read_everything(data: bytes, *, lenient: bool) -> None:
    """Read telemetry and all properties of its streams."""
    telemetry = gpmf.read_payloads(data, lenient=lenient)
    for stream in telemetry.streams.values():
        rows = len(stream) if stream.steps is None else int(stream.steps[-1])
        assert len(stream.raw) == len(stream.values) == rows
        assert len(stream.times) == len(stream)
        assert stream.name is not None
        assert stream.units is not None
        assert stream.axis_order is not None
        assert len(stream.numbers("TMPC")) == len(stream.pieces.payload)
    assert telemetry.gps is None or len(telemetry.gps.utc) == len(telemetry.gps)
    assert telemetry.summary()["payloads"] == len(telemetry.payloads)


@pytest.mark.parametrize(
    "intact", [_SHORT, _LONG, _COMPRESSED], ids=["few payloads", "many payloads", "compressed"]
)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(changes=damage)
def test_damaged_telemetry_is_rejected_or_read_in_part(
    intact: bytes, changes: list[tuple[str, int, int | bytes]]
) -> None:
    data = damaged(intact, changes)
    began = time.process_time()
    with contextlib.suppress(EddylineError):
        read_everything(data, lenient=False)
    with contextlib.suppress(EddylineError):
        read_everything(data, lenient=True)
    assert time.process_time() - began < _SECONDS


@settings(max_examples=80, deadline=None)
@given(changes=damage)
def test_a_lenient_tree_round_trips_byte_for_byte(changes: list[tuple[str, int, int | bytes]]) -> None:
    data = damaged(_SHORT, changes)
    assert bytes(gpmf.parse(data, lenient=True)) == data


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400))
def test_random_bytes_are_rejected_or_read_in_part(data: bytes) -> None:
    with contextlib.suppress(EddylineError):
        gpmf.parse(data)
    assert bytes(gpmf.parse(data, lenient=True)) == data
    with contextlib.suppress(EddylineError):
        read_everything(b"DEVC" + data, lenient=True)


@settings(max_examples=300, deadline=None)
@given(
    shape=st.tuples(st.sampled_from(b"bBsSlLfc?#"), st.integers(0, 255), st.integers(0, 65535)),
    codes=st.binary(max_size=300),
)
def test_random_compressed_data_is_rejected_or_has_the_announced_samples(
    shape: tuple[int, int, int], codes: bytes
) -> None:
    char, size, repeat = shape
    data = struct.pack(">BBH", char, size, repeat) + codes
    node = gpmf.Klv(key="ACCL", type="#", size=1, repeat=len(data), data=data)
    with contextlib.suppress(EddylineError):
        assert len(gpmf.decompress(node).data) == size * repeat


_CONSTANT = compressed(gpmf.leaf("ACCL", "s", [[7, 8, 9]] * 65535))


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(
            gpmf.serialize([gpmf.device(1, "A", [gpmf.nest("STRM", [_CONSTANT])] * 700)]),
            id="compressed zeros",
        ),
        pytest.param(b"".join(bytes(gpmf.nest("NEST", [])) for _ in range(4000)), id="empty nests"),
        pytest.param(
            bytes(gpmf.nest("DEVC", [gpmf.Klv(key="BOMB", type="B", size=0, repeat=65535)] * 4000)),
            id="no bytes",
        ),
        pytest.param(b"DEVC\0\x01\0\0" * 4000, id="empty devices"),
        pytest.param(bytes(40_000), id="zeros"),
        pytest.param(
            gpmf.serialize([gpmf.device(1, "A", [gpmf.stream(f"K{n:03d}", "B", [1]) for n in range(1000)])]),
            id="many streams",
        ),
    ],
)
def test_compression_bombs_are_read_in_bounded_time_and_memory(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        began = time.process_time()
        with contextlib.suppress(EddylineError):
            read_everything(bomb, lenient=True)
        assert time.process_time() - began < _SECONDS
        assert tracemalloc.get_traced_memory()[1] < _MEMORY
    finally:
        tracemalloc.stop()
