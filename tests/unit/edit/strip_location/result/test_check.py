"""The check of a stripped copy detects unexpected boxes, bytes and locations."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.unit.edit.located_files import (
    ISO_6709,
    LATITUDE,
    LONGITUDE,
    append_to_box,
    box,
    boxes,
    insert_bytes,
    write,
)

from eddyline.core.coordinates import Position
from eddyline.core.errors import ProofError
from eddyline.edit.strip_location.result import check
from eddyline.edit.strip_location.result.boxes import Result, read_result
from eddyline.edit.strip_location.strip import strip_location
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

POSITION = Position(latitude=LATITUDE, longitude=LONGITUDE)


@pytest.fixture(scope="session")
def stripped(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("stripped") / "out.mp4"
    strip_location(plain, out)
    return out.read_bytes()


def read(path: Path, data: bytes) -> Result:
    with FileRanges(write(path, data)) as src:
        return read_result(src)


def test_boxes_and_samples_account_for_every_byte_of_a_stripped_copy(stripped: bytes, tmp_path: Path) -> None:
    found = read(tmp_path / "in.mp4", stripped)
    with FileRanges(tmp_path / "in.mp4") as src:
        tracks = read_movie(src).tracks
    assert [each.format for each in found.tracks.values()] == ["avc1", "mp4a"]
    sizes = sum(end - start for start, end in found.media)
    assert sizes == sum(int(track.samples.size.sum()) for track in tracks)
    assert sizes + sum(len(data) for _, data in found.outside) + 16 == len(stripped)


@pytest.mark.parametrize(
    "where", ["moov", "moov/trak", "moov/trak/mdia/minf/stbl", "moov/udta", "moov/udta/meta"]
)
def test_an_unexpected_box_is_detected(stripped: bytes, tmp_path: Path, where: str) -> None:
    path = tuple(each.encode() for each in where.split("/"))
    with pytest.raises(ProofError, match="has an unexpected box"):
        read(tmp_path / "in.mp4", append_to_box(stripped, path, box(b"free", ISO_6709)))


@pytest.mark.parametrize("trailer", [b"\0", ISO_6709, box(b"free"), box(b"mdat", ISO_6709)])
def test_bytes_after_the_movie_are_detected(stripped: bytes, tmp_path: Path, trailer: bytes) -> None:
    with pytest.raises(ProofError, match=r"are not a box|has an unexpected box|belong to no sample"):
        read(tmp_path / "in.mp4", stripped + trailer)


def test_bytes_between_samples_are_detected(stripped: bytes, tmp_path: Path) -> None:
    mdat = next(each for each in boxes(stripped) if each.path == (b"mdat",))
    with FileRanges(write(tmp_path / "in.mp4", stripped)) as src:
        offsets = read_movie(src).tracks[0].samples.offset.tolist()
    for at in (offsets[0], offsets[9], mdat.end):
        with pytest.raises(ProofError, match="belong to no sample"):
            read(tmp_path / "in.mp4", insert_bytes(stripped, at, ISO_6709, within=(mdat,)))


@pytest.mark.parametrize("form", [*POSITION.texts(), *POSITION.encodings()])
def test_coordinates_of_the_source_are_detected_in_every_form(form: bytes) -> None:
    with pytest.raises(ProofError, match=r"source's coordinates 47\.377, 8\.542"):
        check._search(b"\x01\x02" + form + b"\x03", [POSITION], "moov")
    check._search(b"\x01\x02" + form[:-1], [POSITION], "moov")


@pytest.mark.parametrize("tag", [b"Exif\0\0", b"<x:xmpmeta", ISO_6709, b"$GPGGA,1", b"47.3769"])
def test_location_tags_are_detected_at_any_offset_of_the_media(tmp_path: Path, tag: bytes) -> None:
    size = (8 << 20) + 100
    for at in (0, 5, (8 << 20) - 3, size - len(tag)):
        data = bytearray(size)
        data[at : at + len(tag)] = tag
        with (
            FileRanges(write(tmp_path / "media", bytes(data))) as src,
            pytest.raises(ProofError, match="media of the copy contains"),
        ):
            check._check_media(src, Result(media=[(0, size)]), [POSITION])
    with FileRanges(write(tmp_path / "media", struct.pack(">100Q", *range(100)))) as src:
        check._check_media(src, Result(media=[(0, 800)]), [POSITION])
