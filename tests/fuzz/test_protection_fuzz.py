"""Damaged descriptions of encryption, and damaged samples, are read or rejected with an `EddylineError`."""

from __future__ import annotations

import time
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.mp4.protected_entries import protected_stsd, tenc

from eddyline.core.errors import EddylineError
from eddyline.media.encryption.sample_decryption import SampleDecryption
from eddyline.mp4.entries.protection import Protection, read_protection

_SHAPES = (
    protected_stsd(),
    protected_stsd(scheme="cenc", tenc=tenc(version=0, iv_size=8)),
    protected_stsd(kind="enca", original="mp4a", tenc=tenc(constant=bytes(8))),
    protected_stsd(kind="enca", original="mp4a", scheme="cenc", tenc=tenc(version=0, iv_size=16)),
)
_KEY = bytes(range(16))
_SECONDS = 2.0
_MEMORY = 4 << 20  # bytes, for descriptions of some 200 bytes
_fuzz = settings(max_examples=300, deadline=None)


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A description with replaced, removed or repeated bytes."""
    data = bytearray(draw(st.sampled_from(_SHAPES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data) - 1))
        width = draw(st.sampled_from((1, 2, 4)))
        match draw(st.sampled_from(("set", "remove", "repeat"))):
            case "set":
                value = draw(st.sampled_from((0, 1, 8, 16, 0x7F, 0xFF)) | st.integers(0, 255))
                data[at : at + width] = bytes([value]) * min(width, len(data) - at)
            case "remove" if len(data) > width:
                del data[at : at + width]
            case "repeat":
                data[at:at] = data[at : at + width]
    return bytes(data)


def _read(stsd: bytes) -> Protection | None:
    """What is read within the limits of time and memory; None also for a rejected description."""
    began = time.perf_counter()
    tracemalloc.start()
    try:
        return read_protection(stsd)
    except EddylineError:
        return None
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < _MEMORY
        assert time.perf_counter() - began < _SECONDS


def test_complete_descriptions_are_read() -> None:
    assert [found.iv_size or -len(found.constant_iv) for found in map(_read, _SHAPES) if found] == [
        -16,
        8,
        -8,
        16,
    ]


@_fuzz
@given(
    stsd=_damaged(), sample=st.binary(max_size=200), auxiliary=st.binary(max_size=40), flags=st.integers(0, 1)
)
def test_a_damaged_description_is_read_or_rejected_and_decrypts_or_not(
    stsd: bytes, sample: bytes, auxiliary: bytes, flags: int
) -> None:
    protection = _read(stsd)
    if protection is None:
        return
    assert len(protection.key_id) == 16
    assert (protection.iv_size or len(protection.constant_iv)) in {8, 16}
    try:
        clear = SampleDecryption(protection=protection, key=_KEY).decrypt(
            sample, auxiliary, has_ranges=bool(flags)
        )
    except EddylineError:
        return
    assert len(clear) == len(sample)


@_fuzz
@given(
    scheme=st.sampled_from(("cenc", "cbcs")),
    rows=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 80)), max_size=6),
    extra=st.integers(-3, 3),
)
def test_ranges_that_do_not_fill_the_sample_are_rejected(
    scheme: str, rows: list[tuple[int, int]], extra: int
) -> None:
    size = sum(map(sum, rows))
    sample = bytes(max(size + extra, 0))
    table = len(rows).to_bytes(2, "big")
    table += b"".join(clear.to_bytes(2, "big") + hidden.to_bytes(4, "big") for clear, hidden in rows)
    decryption = SampleDecryption(
        protection=Protection(format="avc1", scheme=scheme, key_id=_KEY, iv_size=8), key=_KEY
    )
    try:
        clear = decryption.decrypt(sample, bytes(8) + table, has_ranges=True)
    except EddylineError:
        assert len(sample) != size
    else:
        assert len(clear) == len(sample) == size


@_fuzz
@given(data=st.binary(max_size=300))
def test_random_bytes_after_a_plausible_start_are_read_or_rejected(data: bytes) -> None:
    for start in (b"\0\0\0\x10stsd", _SHAPES[0][:16], _SHAPES[0][:-60]):
        _read(start + data)
