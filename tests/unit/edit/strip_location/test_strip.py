"""A stripped copy does not contain the location and is otherwise the same recording."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.unit.edit.located_files import (
    BINARY,
    EXIF_GPS,
    FORMS,
    ISO_6709,
    NMEA,
    XMP,
    XMP_UUID,
    add_track,
    append_to_box,
    box,
    boxes,
    insert_bytes,
    write,
)

from eddyline import gpmf
from eddyline.core.coordinates import contains_location
from eddyline.core.errors import FormatError, ProofError, UnsupportedError
from eddyline.edit.strip_location import strip as strip_module
from eddyline.edit.strip_location import track_kinds
from eddyline.edit.strip_location.report import StripResult
from eddyline.edit.strip_location.strip import strip_location
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.mp4.slice import iter_samples
from eddyline.store.ranges import FileRanges

FOURCCS = b"GPS5 GPS9 GPSU GPSF GPSP GPSA GLPI GPRI BPOS \xa9xyz loci".split()


def index(path: Path) -> Movie:
    with FileRanges(path) as src:
        return read_movie(src)


def samples_of(path: Path, kind: str) -> list[bytes]:
    with FileRanges(path) as src:
        track = read_movie(src).first_track(kind)
        assert track is not None
        return list(iter_samples(src, track))


def removed(result: StripResult) -> set[str]:
    return {each.what for each in result.removed}


def exiftool(path: Path) -> str:
    """Returns the ExifTool output with embedded and unknown tags; skips the test if it is not installed."""
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed")
    options = ("-ee3", "-G1", "-a", "-s", "-U", "-api", "LargeFileSupport=1")
    return subprocess.run([program, *options, path], capture_output=True, text=True, check=False).stdout


def assert_no_location(path: Path, *, readers: bool = False) -> None:
    """Asserts that the bytes, and with `readers` the ExifTool output, do not contain the location."""
    data = path.read_bytes()
    for trace in (b"47.376", b"4722.61", b"$GPRMC", b"Exif\0\0", b"xmpmeta", BINARY[:16]):
        assert trace not in data, trace
    if readers and shutil.which("exiftool"):
        for line in exiftool(path).splitlines():
            assert not re.search(r"GPS|Location|47\.37", line) or re.search(r": *$", line), line


def decoded(path: Path, ffmpeg: str) -> str:
    """Returns checksums of every decoded frame and audio block."""
    argv = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v?", "-map", "0:a?", "-f", "framemd5", "-"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_only_positions_are_removed_and_playback_is_unchanged(
    clip: Path, tmp_path: Path, ffmpeg: str
) -> None:
    out = tmp_path / "out.mp4"
    result = strip_location(clip, out)
    assert removed(result) == {"moov/udta/\\xa9xyz", "track 3/GPS5"}
    assert result.payloads == 2
    before, after = index(clip), index(out)
    for a, b in zip(before.tracks, after.tracks, strict=True):
        assert np.array_equal(a.samples.pts, b.samples.pts)
        assert np.array_equal(a.samples.duration, b.samples.duration)
        assert (a.edits, a.matrix, a.timescale) == (b.edits, b.matrix, b.timescale)
    assert samples_of(clip, "audio") == samples_of(out, "audio")
    assert decoded(clip, ffmpeg) == decoded(out, ffmpeg)
    assert [each.name for each in tmp_path.iterdir()] == ["out.mp4"]


def test_motion_data_keeps_its_bytes_and_times(clip: Path, tmp_path: Path) -> None:
    strip_location(clip, tmp_path / "out.mp4")
    before, after = gpmf.read(clip), gpmf.read(tmp_path / "out.mp4")
    assert set(before.streams) - set(after.streams) == {"GPS5"}
    assert after.gps is None
    for label, stream in after.streams.items():
        assert np.array_equal(stream.raw, before.streams[label].raw)
        assert np.array_equal(stream.times, before.streams[label].times)
    assert after.hilights == before.hilights


@pytest.mark.parametrize("name", ["karma.mp4", "max-heromode.mp4"])
def test_real_recordings_contain_no_position_keys_afterwards(
    samples: Path, tmp_path: Path, ffmpeg: str, name: str
) -> None:
    out = tmp_path / "out.mp4"
    strip_location(samples / name, out)
    for payload in samples_of(out, "telemetry"):
        assert not any(key in payload for key in FOURCCS)
    for span in boxes(out.read_bytes()):
        if span.path[0] != b"mdat":
            assert not contains_location(out.read_bytes()[span.start : span.end])
    summary, before = gpmf.read(out).summary(), gpmf.read(samples / name).summary()
    gps_keys = {"GPS5", "GPRI", "GLPI", "BPOS"} & set(before["streams"])
    assert gps_keys
    assert summary["streams"] == {
        label: stream for label, stream in before["streams"].items() if label not in gps_keys
    }
    assert decoded(out, ffmpeg) == decoded(samples / name, ffmpeg)


@pytest.mark.parametrize("name", ["karma.mp4", "max-heromode.mp4"])
def test_exiftool_finds_no_location(samples: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out.mp4"
    strip_location(samples / name, out)
    found = exiftool(out)
    tags = [line.split("]", 1)[-1].split(":")[0].strip() for line in found.splitlines()]
    assert not [tag for tag in tags if tag.startswith(("GPS", "GLPI", "GPRI", "BPOS"))]
    assert any(tag in {"Accelerometer", "AccelerometerMatrix"} for tag in tags)
    assert "GPS" in exiftool(samples / name)


def apple_meta() -> bytes:
    """Returns a meta box as written by iPhones, with a location, a maker and a title."""
    names = (
        b"com.apple.quicktime.location.ISO6709",
        b"com.apple.quicktime.make",
        b"com.apple.quicktime.title",
    )
    keys = box(b"keys", struct.pack(">II", 0, len(names)), *(box(b"mdta", name) for name in names))
    items = (
        box(struct.pack(">I", number), box(b"data", struct.pack(">II", 1, 0), value))
        for number, value in enumerate((ISO_6709, b"Maker", b"At home"), 1)
    )
    return box(b"meta", box(b"hdlr", bytes(8), b"mdta", bytes(13)), keys, box(b"ilst", *items))


def test_each_metadata_key_of_a_phone_is_kept_or_removed(clip: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "in.mp4", append_to_box(clip.read_bytes(), (b"moov",), apple_meta()))
    result = strip_location(source, tmp_path / "out.mp4")
    data = (tmp_path / "out.mp4").read_bytes()
    assert b"Maker" in data
    assert b"At home" not in data
    assert_no_location(tmp_path / "out.mp4", readers=True)
    assert {
        "moov/meta/ilst/com.apple.quicktime.location.ISO6709",
        "moov/meta/ilst/com.apple.quicktime.title",
    } <= removed(result)


UNKNOWN_BOXES = [
    ((b"moov", b"udta"), b"loci"),
    ((b"moov", b"udta"), b"XMP_"),
    ((b"moov", b"udta"), b"\xa9nam"),
    ((b"moov", b"udta"), b"thmb"),
    ((b"moov",), b"gps "),
    ((b"moov",), b"free"),
    ((b"moov", b"trak"), b"udta"),
    ((b"moov", b"trak", b"mdia", b"minf"), b"hint"),
    ((b"moov", b"trak", b"mdia", b"minf", b"stbl"), b"subs"),
    ((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"), b"glbl"),
    ((b"moov", b"trak", b"edts"), b"note"),
]


@pytest.mark.parametrize(("where", "kind"), UNKNOWN_BOXES)
@pytest.mark.parametrize("payload", FORMS, ids=["iso", "nmea", "xmp", "doubles", "dji", "degrees"])
def test_unknown_boxes_are_removed(
    plain: Path, tmp_path: Path, where: tuple[bytes, ...], kind: bytes, payload: bytes
) -> None:
    source = write(tmp_path / "in.mp4", append_to_box(plain.read_bytes(), where, box(kind, payload)))
    result = strip_location(source, tmp_path / "out.mp4")
    assert len(removed(result)) == 1, result.removed
    assert payload not in (tmp_path / "out.mp4").read_bytes()
    assert (tmp_path / "out.mp4").read_bytes() == stripped_plain(plain, tmp_path)


def stripped_plain(plain: Path, work: Path) -> bytes:
    strip_location(plain, work / "plain.mp4")
    return (work / "plain.mp4").read_bytes()


TRAILERS = [
    box(b"uuid", XMP_UUID, XMP),
    box(b"free", bytes(100), ISO_6709),
    box(b"skip", NMEA),
    box(b"mdat", BINARY),
    box(b"moov", box(b"udta", box(b"\xa9xyz", ISO_6709))),
    box(b"inst", b"8db42d694ccc418790edff439fe026bf", XMP),
    bytes(64) + XMP + b"8db42d694ccc418790edff439fe026bf",
    b"\0\0\0\5junk" + NMEA,
    b"\xff\xff\xff\xffGPS " + ISO_6709,
    NMEA[:5],
]


@pytest.mark.parametrize("trailer", TRAILERS)
def test_data_after_the_movie_is_removed(plain: Path, tmp_path: Path, trailer: bytes) -> None:
    source = write(tmp_path / "in.mp4", plain.read_bytes() + trailer)
    result = strip_location(source, tmp_path / "out.mp4")
    assert result.removed
    assert (tmp_path / "out.mp4").read_bytes() == stripped_plain(plain, tmp_path)


TRACKS = "meta/camm meta/gpmd meta/mebx meta/rtmd meta/tmcd sbtl/tx3g text/text subt/wvtt subt/stpp data/RVMI"
MORE_TRACKS = "ctbx/marl priv/priv hint/rtp_ camm/camm clcp/c608 odsm/mp4s auxv/hvc1 pict/mime"


@pytest.mark.parametrize("which", [*TRACKS.split(), *MORE_TRACKS.split()])
def test_unknown_tracks_are_removed(plain: Path, tmp_path: Path, which: str) -> None:
    handler, kind = (each.encode() for each in which.replace("_", " ").split("/"))
    source = write(tmp_path / "in.mp4", add_track(plain.read_bytes(), handler, kind, NMEA + XMP))
    assert len(index(source).tracks) == 3
    result = strip_location(source, tmp_path / "out.mp4")
    assert any("track 77" in each for each in removed(result))
    assert_no_location(tmp_path / "out.mp4")
    assert len(index(tmp_path / "out.mp4").tracks) == 2


@pytest.mark.parametrize("payload", FORMS)
def test_bytes_between_samples_are_not_copied(plain: Path, tmp_path: Path, payload: bytes) -> None:
    data = plain.read_bytes()
    mdat = next(each for each in boxes(data) if each.path == (b"mdat",))
    at = int(index(plain).tracks[0].samples.offset[7])
    source = write(tmp_path / "in.mp4", insert_bytes(data, at, payload, within=(mdat,)))
    result = strip_location(source, tmp_path / "out.mp4")
    assert "mdat (bytes between the samples)" in removed(result)
    assert (tmp_path / "out.mp4").read_bytes() == stripped_plain(plain, tmp_path)


@pytest.mark.parametrize(
    "table", [b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"tkhd", b"mdhd", b"vmhd", b"mvhd"]
)
def test_bytes_after_the_fields_of_known_boxes_are_not_copied(
    plain: Path, tmp_path: Path, table: bytes
) -> None:
    data = plain.read_bytes()
    path = next(each.path for each in boxes(data) if each.path[-1] == table)
    source = write(tmp_path / "in.mp4", append_to_box(data, path, ISO_6709))
    strip_location(source, tmp_path / "out.mp4")
    assert_no_location(tmp_path / "out.mp4")


def test_unknown_track_names_brands_and_encoder_names_are_removed(plain: Path, tmp_path: Path) -> None:
    data = plain.read_bytes().replace(b"VideoHandler", b"My home town")
    at = data.index(b"avc1", data.index(b"stsd")) + 4 + 42
    data = data[:at] + b"\x1b47.3769 N, 8.5417 E at home".ljust(32, b"\0") + data[at + 32 :]
    at = data.index(b"iso2")
    source = write(tmp_path / "in.mp4", data[:at] + b"47.3" + data[at + 4 :])
    result = strip_location(source, tmp_path / "out.mp4")
    out = (tmp_path / "out.mp4").read_bytes()
    assert b"My home town" not in out
    assert b"at home" not in out
    assert b"47.3" not in out
    assert b"VideoHandler" in out
    assert len(removed(result)) == 3
    strip_location(source, tmp_path / "titles.mp4", keep_titles=True)
    assert b"My home town" in (tmp_path / "titles.mp4").read_bytes()


def jpeg(*segments: bytes) -> bytes:
    """Returns a JPEG of one black pixel with these segments before its tables."""
    tables = b"\xff\xdb" + struct.pack(">HB", 67, 0) + bytes([1] * 64)
    frame = b"\xff\xc0" + bytes.fromhex("000b080001000101011100")
    codes = b"\xff\xc4" + bytes.fromhex("0013000100000000000000000000000000000000")[:19]
    scan = b"\xff\xda" + bytes.fromhex("0008010100003f00") + b"\x7f\xff\0\xff\xd9"
    return b"\xff\xd8" + b"".join(segments) + tables + frame + codes + scan


def app(number: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, 0xE0 + number, 2 + len(body)) + body


@pytest.mark.parametrize("kind", [13, 14, 0, 1])
def test_only_the_pixels_of_cover_images_are_kept(plain: Path, tmp_path: Path, kind: int) -> None:
    image = jpeg(
        app(0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), app(1, EXIF_GPS), app(1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    )
    covr = box(b"covr", box(b"data", struct.pack(">II", kind, 0), image + NMEA))
    source = write(
        tmp_path / "in.mp4", append_to_box(plain.read_bytes(), (b"moov", b"udta", b"meta", b"ilst"), covr)
    )
    result = strip_location(source, tmp_path / "out.mp4")
    assert_no_location(tmp_path / "out.mp4", readers=True)
    kept = jpeg(app(0, b"JFIF\0\1\1\0\0\1\0\1\0\0"))
    assert (kept in (tmp_path / "out.mp4").read_bytes()) == (kind == 13)
    assert any("covr" in each for each in removed(result))


def test_user_data_in_the_video_is_removed(plain: Path, tmp_path: Path, ffmpeg: str) -> None:
    data = plain.read_bytes()
    sei = b"\x06\x05" + bytes([16 + len(NMEA)]) + bytes(16) + NMEA + b"\x80"
    unit = struct.pack(">I", len(sei)) + sei
    mdat = next(each for each in boxes(data) if each.path == (b"mdat",))
    samples = index(plain).tracks[0].samples
    number = 5
    extended = insert_bytes(data, int(samples.offset[number]), unit, within=(mdat,))
    # The sample starts with the SEI message: the offset of its chunk is unchanged, its size grows.
    sizes = next(each for each in boxes(extended) if each.path[-1] == b"stsz").body + 12 + 4 * number
    grown = int(samples.size[number]) + len(unit)
    fixed = extended[:sizes] + struct.pack(">I", grown) + extended[sizes + 4 :]
    for table in (each for each in boxes(fixed) if each.path[-1] == b"stco"):
        rows = np.frombuffer(fixed[table.body + 8 : table.end], ">u4").astype(np.int64)
        rows = np.where(rows == int(samples.offset[number]) + len(unit), rows - len(unit), rows)
        fixed = fixed[: table.body + 8] + rows.astype(">u4").tobytes() + fixed[table.end :]
    source = write(tmp_path / "in.mp4", fixed)
    assert decoded(source, ffmpeg) == decoded(plain, ffmpeg)
    result = strip_location(source, tmp_path / "out.mp4")
    assert any("SEI user data" in each for each in removed(result))
    assert (tmp_path / "out.mp4").read_bytes() == stripped_plain(plain, tmp_path)


def test_telemetry_of_a_deleted_track_is_removed(clip: Path, tmp_path: Path) -> None:
    data = bytearray(clip.read_bytes())
    at = data.rindex(b"trak")
    data[at : at + 4] = b"free"
    source = write(tmp_path / "in.mp4", bytes(data))
    assert len(index(source).tracks) == 2
    result = strip_location(source, tmp_path / "out.mp4")
    assert {"mdat (bytes between the samples)", "moov/free"} <= removed(result)
    assert b"DEVC" not in (tmp_path / "out.mp4").read_bytes().replace(b"GPMFDEVC", b"")


def test_telemetry_in_fragments_is_stripped(clip: Path, tmp_path: Path, ffmpeg: str) -> None:
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    movflags = "frag_keyframe+empty_moov+default_base_moof"
    options = ["-map", "0", "-c", "copy", "-copy_unknown", "-movflags", movflags]
    subprocess.run([ffmpeg, "-v", "error", "-i", str(clip), *options, str(source)], check=True)
    result = strip_location(source, out)
    assert "track 3/GPS5" in removed(result)
    before, after = gpmf.read(source), gpmf.read(out)
    assert set(before.streams) - set(after.streams) == {"GPS5"}
    for label, stream in after.streams.items():
        assert np.array_equal(stream.raw, before.streams[label].raw)
    assert decoded(source, ffmpeg) == decoded(out, ffmpeg)


def test_raw_telemetry_is_stripped(samples: Path, tmp_path: Path) -> None:
    source = samples / "gpmf" / "walking.gpmf"
    result = strip_location(source, tmp_path / "out.gpmf")
    assert result.payloads == 50
    assert removed(result) == {"telemetry/GPS5"}
    before, after = gpmf.read(source), gpmf.read(tmp_path / "out.gpmf")
    assert len(after.payloads) == 50
    assert after.gps is None
    assert np.array_equal(after.streams["ACCL"].raw, before.streams["ACCL"].raw)


def test_stripping_is_idempotent(clip: Path, tmp_path: Path) -> None:
    strip_location(clip, tmp_path / "once.mp4")
    result = strip_location(tmp_path / "once.mp4", tmp_path / "twice.mp4")
    assert not result.payloads
    assert not result.removed
    assert (tmp_path / "once.mp4").read_bytes() == (tmp_path / "twice.mp4").read_bytes()


def test_invalid_telemetry_is_rejected(clip: Path, tmp_path: Path) -> None:
    data = bytearray(clip.read_bytes())
    at = data.index(b"STRM")
    data[at + 6 : at + 8] = b"\xff\xff"
    source = write(tmp_path / "in.mp4", bytes(data))
    with pytest.raises(FormatError):
        strip_location(source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_video_in_an_unknown_format_is_rejected_by_name(plain: Path, tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.mp4", plain.read_bytes().replace(b"avc1\0\0\0\0\0\0\0\1", b"XYZ1\0\0\0\0\0\0\0\1")
    )
    with pytest.raises(UnsupportedError, match=r"track 1 .XYZ1, video.*cannot search") as rejected:
        strip_location(source, tmp_path / "out.mp4")
    assert rejected.value.remedy
    assert not (tmp_path / "out.mp4").exists()


def test_a_copy_that_contains_a_location_is_not_published(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track_kinds, "remove_location", lambda payload, **_: payload)
    with pytest.raises(ProofError, match="GPS"):
        strip_location(clip, tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


def test_the_check_detects_an_unexpected_box_in_the_copy(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strip_module, "_file_type", lambda *_: box(b"free", b"somewhere"))
    with pytest.raises(ProofError, match="has an unexpected box 'free'"):
        strip_location(plain, tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())
