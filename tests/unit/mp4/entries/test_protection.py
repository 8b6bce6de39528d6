"""How the samples of a track are encrypted: complete descriptions are read, invalid ones rejected."""

from __future__ import annotations

import pytest
from tests.unit.mp4.protected_entries import KEY_ID, protected_stsd, tenc

from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.entries.protection import Protection, read_protection
from eddyline.mp4.errors import Mp4Error

_CBCS = Protection(
    format="avc1",
    scheme="cbcs",
    key_id=KEY_ID,
    iv_size=0,
    constant_iv=bytes(16),
    crypt_blocks=1,
    skip_blocks=9,
)


def test_the_description_of_a_protected_track_is_read() -> None:
    assert read_protection(protected_stsd()) == _CBCS
    audio = protected_stsd(kind="enca", original="mp4a", scheme="cenc", tenc=tenc(version=0, iv_size=8))
    expected = Protection(format="mp4a", scheme="cenc", key_id=KEY_ID, iv_size=8)
    assert read_protection(audio) == expected


def test_an_entry_in_the_clear_has_no_protection() -> None:
    assert read_protection(protected_stsd(kind="avc1")) is None
    assert read_protection(protected_stsd(tenc=tenc(protected=0))) is None


@pytest.mark.parametrize("count", [0, 2])
def test_only_a_single_entry_has_a_protection(count: int) -> None:
    assert read_protection(protected_stsd(entries=count)) is None


@pytest.mark.parametrize("missing", ["sinf", "schm", "schi", "tenc", "frma"])
def test_a_missing_box_is_rejected_by_name(missing: str) -> None:
    with pytest.raises(Mp4Error, match=f"the '{missing}' box is missing"):
        read_protection(protected_stsd().replace(missing.encode(), b"free"))


@pytest.mark.parametrize("size", [1, 7, 9, 15, 17, 255])
def test_an_impossible_size_of_initialization_vectors_is_rejected(size: int) -> None:
    for table in (tenc(iv_size=size), tenc(constant=bytes(size))):
        with pytest.raises(Mp4Error, match=f"initialization vectors of {size} bytes"):
            read_protection(protected_stsd(tenc=table))


def test_a_track_without_any_initialization_vector_is_rejected() -> None:
    with pytest.raises(Mp4Error, match="initialization vectors of 0 bytes"):
        read_protection(protected_stsd(tenc=tenc(constant=b"")))


def test_a_description_truncated_anywhere_is_rejected() -> None:
    whole = tenc()
    for end in range(8, len(whole)):
        table = make_box("tenc", whole[8:end])
        with pytest.raises(Mp4Error, match="but the box ends after"):
            read_protection(protected_stsd(tenc=table))


def test_a_sample_entry_shorter_than_its_fields_is_rejected() -> None:
    with pytest.raises(Mp4Error):
        read_protection(make_full_box("stsd", 0, 0, b"\0\0\0\1", make_box("encv", bytes(77))))
