"""The check of a stripped copy finds what must not be in it, however it came there."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.unit.edit.located_files import ISO_6709, LATITUDE, LONGITUDE, box, boxes, in_box, inserted, write

from eddyline.core.coordinates import Position
from eddyline.core.errors import ProofError
from eddyline.edit.strip_location import result_check
from eddyline.edit.strip_location.result_boxes import Result, read_result
from eddyline.edit.strip_location.strip import strip_location
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

PLACE = Position(latitude=LATITUDE, longitude=LONGITUDE)


@pytest.fixture(scope="session")
def stripped(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("stripped") / "out.mp4"
    strip_location(plain, out)
    return out.read_bytes()


def read(path: Path, data: bytes) -> Result:
    with FileRanges(write(path, data)) as src:
        return read_result(src)


def test_a_stripped_copy_is_explained_to_its_last_byte(stripped: bytes, tmp_path: Path) -> None:
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
def test_a_box_that_has_no_place_is_found(stripped: bytes, tmp_path: Path, where: str) -> None:
    path = tuple(each.encode() for each in where.split("/"))
    with pytest.raises(ProofError, match="has a box"):
        read(tmp_path / "in.mp4", in_box(stripped, path, box(b"free", ISO_6709)))


@pytest.mark.parametrize("trailer", [b"\0", ISO_6709, box(b"free"), box(b"mdat", ISO_6709)])
def test_bytes_behind_the_movie_are_found(stripped: bytes, tmp_path: Path, trailer: bytes) -> None:
    with pytest.raises(ProofError, match=r"are no box|has a box|belong to no sample"):
        read(tmp_path / "in.mp4", stripped + trailer)


def test_bytes_between_samples_are_found(stripped: bytes, tmp_path: Path) -> None:
    mdat = next(each for each in boxes(stripped) if each.path == (b"mdat",))
    with FileRanges(write(tmp_path / "in.mp4", stripped)) as src:
        offsets = read_movie(src).tracks[0].samples.offset.tolist()
    for at in (offsets[0], offsets[9], mdat.end):
        with pytest.raises(ProofError, match="belong to no sample"):
            read(tmp_path / "in.mp4", inserted(stripped, at, ISO_6709, within=(mdat,)))


@pytest.mark.parametrize("form", [*PLACE.texts(), *PLACE.encodings()])
def test_coordinates_of_the_source_are_found_in_every_form(form: bytes) -> None:
    with pytest.raises(ProofError, match=r"source's coordinates 47\.377, 8\.542"):
        result_check._search(b"\x01\x02" + form + b"\x03", [PLACE], "moov")
    result_check._search(b"\x01\x02" + form[:-1], [PLACE], "moov")


@pytest.mark.parametrize("mark", [b"Exif\0\0", b"<x:xmpmeta", ISO_6709, b"$GPGGA,1", b"47.3769"])
def test_marks_are_found_in_the_media_at_any_place(tmp_path: Path, mark: bytes) -> None:
    size = (8 << 20) + 100
    for at in (0, 5, (8 << 20) - 3, size - len(mark)):
        data = bytearray(size)
        data[at : at + len(mark)] = mark
        with (
            FileRanges(write(tmp_path / "media", bytes(data))) as src,
            pytest.raises(ProofError, match="media holds"),
        ):
            result_check._check_media(src, Result(media=[(0, size)]), [PLACE])
    with FileRanges(write(tmp_path / "media", struct.pack(">100Q", *range(100)))) as src:
        result_check._check_media(src, Result(media=[(0, 800)]), [PLACE])
