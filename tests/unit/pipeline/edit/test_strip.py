"""A stripped copy says nowhere where it was made, and is the same recording otherwise."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.core.errors import FormatError, ProofError, UnsupportedError
from eddyline.core.ranges import FileRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.mp4.slice import sample_bytes
from eddyline.pipeline.edit import strip as stripping
from eddyline.pipeline.edit.strip import strip_location
from eddyline.pipeline.edit.traces import positions, says_where

FOURCCS = (
    b"GPS5",
    b"GPS9",
    b"GPSU",
    b"GPSF",
    b"GPSP",
    b"GPSA",
    b"GLPI",
    b"GPRI",
    b"BPOS",
    b"\xa9xyz",
    b"loci",
)


def index(path: Path) -> Movie:
    with FileRanges(path) as src:
        return read_movie(src)


def payloads(path: Path) -> list[bytes]:
    with FileRanges(path) as src:
        track = read_movie(src).first("telemetry")
        assert track is not None
        return list(sample_bytes(src, track))


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def with_boxes(source: Path, out: Path, *, behind: bytes = b"", udta: bytes = b"", moov: bytes = b"") -> Path:
    """A copy with more boxes: behind the media, at the end of moov/udta, at the end of moov."""
    from eddyline.mp4.mux import write
    from eddyline.mp4.outgoing import linked, passthrough

    movie = index(source)
    tracks = linked(movie.tracks, [passthrough(movie, track, source) for track in movie.tracks])
    extra = box(b"free", moov) if moov else b""
    write(out, tracks, timescale=movie.timescale, udta=(movie.udta or b"") + udta + extra)
    data = bytearray(out.read_bytes())
    if moov:  # what was held free in udta becomes a box of moov itself, of the same length in all
        at = data.index(extra)
        start = data.index(b"udta") - 4
        length = int.from_bytes(data[start : start + 4], "big") - len(extra)
        data[start : start + 4] = length.to_bytes(4, "big")
        data[at : at + len(extra)] = moov + box(b"free")
    out.write_bytes(bytes(data) + behind)
    index(out)
    return out


def outside_samples(path: Path) -> bytes:
    """All of a file but its samples."""
    data = bytearray(path.read_bytes())
    for track in index(path).tracks:
        for at, size in zip(track.samples.offset.tolist(), track.samples.size.tolist(), strict=True):
            data[at : at + size] = bytes(size)
    return bytes(data)


def test_nothing_moves_and_only_positions_go(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    made = strip_location(clip, out)
    assert (made.payloads, made.places) == (2, {"moov/udta/\\xa9xyz": 1})
    before, after = index(clip), index(out)
    for a, b in zip(before.tracks, after.tracks, strict=True):
        assert np.array_equal(a.samples.offset, b.samples.offset)
        assert np.array_equal(a.samples.pts, b.samples.pts)
        assert a.stsd == b.stsd
    for kind in ("video", "audio"):
        one, other = before.of_kind(kind)[0], after.of_kind(kind)[0]
        with FileRanges(clip) as source, FileRanges(out) as copy:
            assert list(sample_bytes(source, one)) == list(sample_bytes(copy, other))
    assert out.stat().st_size == clip.stat().st_size
    assert [each.name for each in tmp_path.iterdir()] == ["out.mp4"]


def test_motion_keeps_its_bytes_and_its_times(clip: Path, tmp_path: Path) -> None:
    strip_location(clip, tmp_path / "out.mp4")
    before, after = gpmf.read(clip), gpmf.read(tmp_path / "out.mp4")
    assert set(before.streams) - set(after.streams) == {"GPS5"}
    assert after.gps is None
    for label, stream in after.streams.items():
        assert np.array_equal(stream.raw, before.streams[label].raw)
        assert np.array_equal(stream.times, before.streams[label].times)
    assert after.hilights == before.hilights


@pytest.mark.parametrize("name", ["karma.mp4", "max-heromode.mp4"])
def test_no_fourcc_of_a_position_is_left_in_real_recordings(samples: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out.mp4"
    strip_location(samples / name, out)
    for payload in payloads(out):
        assert not any(key in payload for key in FOURCCS)
    rest = outside_samples(out)
    assert not any(key in rest for key in FOURCCS)
    assert not says_where(rest)
    assert not list(positions(out.read_bytes()))
    summary, before = gpmf.read(out).summary(), gpmf.read(samples / name).summary()
    gone = {"GPS5", "GPRI", "GLPI", "BPOS"} & set(before["streams"])
    assert gone
    kept = {label: told for label, told in before["streams"].items() if label not in gone}
    assert summary["streams"] == kept


@pytest.mark.parametrize("name", ["karma.mp4", "max-heromode.mp4"])
def test_an_independent_reader_finds_no_location(samples: Path, tmp_path: Path, name: str) -> None:
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed")
    out = tmp_path / "out.mp4"
    strip_location(samples / name, out)
    argv = (exiftool, "-ee", "-a", "-u", "-G1", "-s", "-api", "LargeFileSupport=1")

    def told(path: Path) -> str:
        return subprocess.run([*argv, str(path)], capture_output=True, text=True, check=True).stdout

    tags = [line.split("]", 1)[-1].split(":")[0].strip() for line in told(out).splitlines()]
    assert not [tag for tag in tags if tag.startswith(("GPS", "GLPI", "GPRI", "BPOS"))]
    assert any(tag in {"Accelerometer", "AccelerometerMatrix"} for tag in tags)
    assert "GPS" in told(samples / name)


XMP = b'<x:xmpmeta><rdf:Description exif:GPSLatitude="46,19.9N"/></x:xmpmeta>'
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
ISO_6709 = b"+46.3318+013.5485+398.000/"


def apple_meta() -> bytes:
    """A meta box as iPhones write it, with one key that names a place and one that does not."""
    names = (b"com.apple.quicktime.location.ISO6709", b"com.apple.quicktime.make")
    keys = box(b"keys", struct.pack(">II", 0, 2), *(box(b"mdta", name) for name in names))
    values = (ISO_6709, b"Maker")
    items = (
        box(struct.pack(">I", number), box(b"data", struct.pack(">II", 1, 0), value))
        for number, value in enumerate(values, 1)
    )
    return box(b"meta", box(b"hdlr", bytes(8), b"mdta", bytes(13)), keys, box(b"ilst", *items))


@pytest.mark.parametrize(
    ("behind", "udta", "moov"),
    [
        (b"", box(b"loci", bytes(6), b"Bovec\0", bytes(13)), b""),
        (b"", box(b"XMP_", XMP), b""),
        (b"", box(b"user", b"seen at " + ISO_6709), b""),
        (b"", b"", apple_meta()),
        (b"", b"", box(b"uuid", XMP_UUID, XMP)),
        (box(b"uuid", XMP_UUID, XMP), b"", b""),
        (box(b"free", bytes(100), ISO_6709), b"", b""),
    ],
    ids=["loci", "XMP_", "user", "apple", "uuid", "uuid-behind", "free"],
)
def test_every_other_place_is_found(
    clip: Path, tmp_path: Path, behind: bytes, udta: bytes, moov: bytes
) -> None:
    source = with_boxes(clip, tmp_path / "in.mp4", behind=behind, udta=udta, moov=moov)
    out = tmp_path / "out.mp4"
    made = strip_location(source, out)
    assert len(made.places) == 2, made.places
    data = out.read_bytes()
    assert ISO_6709 not in data
    assert XMP not in data
    assert b"Bovec" not in data
    assert len(data) == source.stat().st_size
    assert (b"Maker" in data) == (b"Maker" in moov)


def test_telemetry_left_in_padding_goes(clip: Path, tmp_path: Path) -> None:
    source = with_boxes(clip, tmp_path / "in.mp4", behind=box(b"free", bytes(12), payloads(clip)[0]))
    strip_location(source, tmp_path / "out.mp4")
    assert not list(positions((tmp_path / "out.mp4").read_bytes()))


def test_telemetry_between_the_samples_of_an_edited_file_goes(clip: Path, tmp_path: Path) -> None:
    # A track that another program dropped from the index is still in mdat.
    source = tmp_path / "in.mp4"
    data = clip.read_bytes()
    source.write_bytes(data.replace(b"gpmd", b"xxxx").replace(b"meta", b"vend"))
    assert index(source).first("telemetry") is None
    at = data.index(b"trak", data.index(b"soun")) - 4
    dropped = bytearray(source.read_bytes())
    dropped[at + 4 : at + 8] = b"free"
    source.write_bytes(dropped)
    assert len(index(source).tracks) == 2
    made = strip_location(source, tmp_path / "out.mp4")
    assert made.places["mdat (padding)"] == 2
    assert not list(positions((tmp_path / "out.mp4").read_bytes()))


def test_raw_telemetry_is_stripped_too(samples: Path, tmp_path: Path) -> None:
    source = samples / "gpmf" / "walking.gpmf"
    made = strip_location(source, tmp_path / "out.gpmf")
    assert made.payloads == 50
    before, after = gpmf.read(source), gpmf.read(tmp_path / "out.gpmf")
    assert len(after.payloads) == 50
    assert after.gps is None
    assert np.array_equal(after.streams["ACCL"].raw, before.streams["ACCL"].raw)


def test_a_recording_without_a_location_is_copied_as_it_is(clip: Path, tmp_path: Path) -> None:
    strip_location(clip, tmp_path / "once.mp4")
    made = strip_location(tmp_path / "once.mp4", tmp_path / "twice.mp4")
    assert not made.payloads
    assert not made.places
    assert (tmp_path / "once.mp4").read_bytes() == (tmp_path / "twice.mp4").read_bytes()


def test_broken_telemetry_is_refused(clip: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    data = bytearray(clip.read_bytes())
    at = data.index(b"STRM")
    data[at + 6 : at + 8] = b"\xff\xff"
    source.write_bytes(data)
    with pytest.raises(FormatError):
        strip_location(source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_tracks_that_nobody_here_can_read_are_refused(clip: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    source.write_bytes(clip.read_bytes().replace(b"gpmd", b"camm"))
    with pytest.raises(UnsupportedError, match="camm"):
        strip_location(source, tmp_path / "out.mp4")


def test_a_copy_that_still_says_where_never_appears(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripping, "without_location", lambda payload, **_: payload)
    with pytest.raises(ProofError, match="GPS"):
        strip_location(clip, tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())
