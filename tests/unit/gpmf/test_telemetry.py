from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.core.errors import EddylineError, MissingError
from eddyline.gpmf.camera import model_name
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.byte_ranges import CountingRanges
from eddyline.mp4.movie import Edit
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.ranges import FileRanges

PayloadBuilder = Callable[..., bytes]
HLMT = "LLLllfFff"


def telemetry_track(folder: Path, blocks: Sequence[bytes], edits: tuple[Edit, ...] = ()) -> OutputTrack:
    media = folder / "media.bin"
    media.write_bytes(b"".join(blocks))
    size = np.array([len(block) for block in blocks], dtype=np.int64)
    entry = make_box("gpmd", bytes(6), b"\0\1", bytes(4))
    return OutputTrack(
        handler="meta",
        name="GoPro MET",
        timescale=1000,
        stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), entry),
        media_header=make_box("gmhd", make_full_box("gmin", 0, 0, bytes(12))),
        pieces=(Piece(source=media, offset=np.cumsum(size) - size, size=size),),
        duration=np.full(len(blocks), 1001, dtype=np.int64),
        edits=edits,
    )


def split(data: bytes, parts: int) -> list[bytes]:
    size = len(data) // parts
    return [data[at : at + size] for at in range(0, len(data), size)]


def hilight(ms: int, lat: float, kind: str) -> tuple[object, ...]:
    return (ms, ms - 500, ms + 500, round(lat * 1e7), 20_000_000 if lat else 0, 12.5, kind, 90.0, 75.0)


def settings_block() -> bytes:
    settings = [
        gpmf.leaf("MINF", "c", "HERO11 Black"),
        gpmf.leaf("CASN", "c", "C3471325000001"),
        gpmf.leaf("FMWR", "c", "H22.01.01.20.00"),
        gpmf.leaf("PRJT", "F", "GPRO"),
        gpmf.leaf("VFOV", "c", "L"),
        gpmf.leaf("ZFOV", "f", 87.5),
        gpmf.leaf("RATE", "c", "2_1SEC\0\0"),
        gpmf.leaf("PIMX", "L", 1600),
    ]
    marks = gpmf.stream(
        "HLMT",
        "?",
        [hilight(8000, 1.5, "AIMU"), hilight(2500, 0.0, "MANL")],
        complex_type=HLMT,
        modifiers=[gpmf.leaf("SCAL", "l", [1, 1, 1, 10_000_000, 10_000_000, 1, 1, 1, 1])],
    )
    block = gpmf.serialize(
        [
            gpmf.device(1, "Video Global Settings", [gpmf.nest("STRM", settings)]),
            gpmf.device("HLMT", "Highlights", [marks]),
        ]
    )
    return block + bytes(25600 - len(block))


def test_a_movies_telemetry_has_the_times_of_its_track(tmp_path: Path, ramp: PayloadBuilder) -> None:
    movie_path = tmp_path / "movie.mp4"
    write_mp4(movie_path, [telemetry_track(tmp_path, split(ramp([200] * 5), 5))], timescale=1000)
    telemetry = gpmf.read(movie_path)
    assert len(telemetry.payloads) == 5
    stream = telemetry.streams["ACCL"]
    assert len(stream) == 1000
    assert stream.rate_hz == pytest.approx(200 / 1.001)
    assert stream.first_s == pytest.approx(0.0)
    assert telemetry.duration_s == pytest.approx(5.005)


def test_the_edit_list_of_a_trimmed_movie_is_applied(tmp_path: Path, ramp: PayloadBuilder) -> None:
    movie_path = tmp_path / "movie.mp4"
    edits = (Edit(media_time=-1, duration=100), Edit(media_time=297, duration=4000))
    write_mp4(movie_path, [telemetry_track(tmp_path, split(ramp([200] * 5), 5), edits)], timescale=1000)
    assert gpmf.read(movie_path).streams["ACCL"].first_s == pytest.approx(0.1 - 0.297)


def test_a_movie_is_read_by_ranges_only(tmp_path: Path, ramp: PayloadBuilder) -> None:
    movie_path = tmp_path / "movie.mp4"
    blocks = split(ramp([200] * 50), 50)
    write_mp4(movie_path, [telemetry_track(tmp_path, blocks)], timescale=1000)
    with movie_path.open("r+b") as file:  # the same amount of unrelated bytes after it
        file.seek(0, 2)
        file.write(make_box("free", bytes(3_000_000)))
    with FileRanges(movie_path) as ranges:
        counting = CountingRanges(ranges)
        assert len(gpmf.read(counting).streams["ACCL"]) == 10000
        assert counting.bytes_read < sum(map(len, blocks)) + 150_000
        assert counting.requests <= 8


def test_camera_and_hilights_come_from_udta(tmp_path: Path, ramp: PayloadBuilder) -> None:
    movie_path = tmp_path / "movie.mp4"
    udta = make_box("FIRM", b"H22.01.01.20.00") + make_box("GPMF", settings_block())
    write_mp4(movie_path, [telemetry_track(tmp_path, [ramp([200])])], timescale=1000, udta=udta)
    telemetry = gpmf.read(movie_path)
    camera = telemetry.camera
    assert (camera.model, camera.serial, camera.firmware) == (
        "HERO11 Black",
        "C3471325000001",
        "H22.01.01.20.00",
    )
    assert (camera.projection, camera.fov, camera.zoom_fov_deg) == ("GPRO", "linear", 87.5)
    assert camera.settings["RATE"] == "2_1SEC"
    assert camera.settings["PIMX"] == 1600
    early, late = telemetry.hilights
    assert (early.time_s, early.kind, early.lat) == (2.5, "MANL", None)
    assert (late.time_s, late.start_s, late.end_s, late.kind) == (8.0, 7.5, 8.5, "AIMU")
    assert (late.lat, late.lon, late.alt_m, late.confidence) == (1.5, 2.0, 12.5, 90.0)


def test_an_old_cameras_hilights_and_name_come_from_plain_boxes(tmp_path: Path, ramp: PayloadBuilder) -> None:
    movie_path = tmp_path / "movie.mp4"
    marks = struct.pack(">3I", 2, 4720, 800) + bytes(392)
    udta = make_box("FIRM", b"HD5.02.02.00.00") + make_box("HMMT", marks) + bytes(4)
    write_mp4(movie_path, [telemetry_track(tmp_path, [ramp([200])])], timescale=1000, udta=udta)
    telemetry = gpmf.read(movie_path)
    assert telemetry.camera.model == "HERO5 Black"
    assert [mark.time_s for mark in telemetry.hilights] == [0.8, 4.72]


def test_an_impossible_count_of_hilights_is_limited_to_its_box(tmp_path: Path, ramp: PayloadBuilder) -> None:
    movie_path = tmp_path / "movie.mp4"
    write_mp4(
        movie_path,
        [telemetry_track(tmp_path, [ramp([200])])],
        timescale=1000,
        udta=make_box("HMMT", struct.pack(">2I", 1 << 31, 800)),
    )
    assert [mark.time_s for mark in gpmf.read(movie_path).hilights] == [0.8]


@pytest.mark.parametrize(
    ("firmware", "model"), [("HD5.02.02.00.00", "HERO5 Black"), ("H19.03", "GoPro Max"), ("", "")]
)
def test_a_firmware_prefix_identifies_the_model(firmware: str, model: str) -> None:
    assert model_name(firmware) == model


def app(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


@pytest.mark.parametrize("where", ["one segment", "two segments", "EXIF"])
def test_a_still_image_has_its_settings_in_its_segments(tmp_path: Path, where: str) -> None:
    block = settings_block().rstrip(b"\0")
    block += bytes(-len(block) % 4)
    segments = {
        "one segment": app(0xE6, b"GoPro\0" + block),
        "two segments": app(0xE6, b"GoPro\0" + block[:90]) + app(0xE6, b"GoPro\0" + block[90:]),
        "EXIF": app(0xE1, b"Exif\0\0MM\0*" + block + b"more of the EXIF"),
    }
    jpeg = b"\xff\xd8" + app(0xE0, b"JFIF") + segments[where] + app(0xDA, b"") + bytes(50)
    path = tmp_path / "GOPR0001.JPG"
    path.write_bytes(jpeg)
    telemetry = gpmf.read(path)
    assert telemetry.camera.model == "HERO11 Black"
    assert telemetry.summary() == {"camera": "HERO11 Black", "payloads": 0, "clock": None, "streams": {}}


def test_a_raw_file_is_detected_by_its_bytes_not_its_name(tmp_path: Path, ramp: PayloadBuilder) -> None:
    odd = tmp_path / "unknown.txt"
    odd.write_bytes(ramp([4, 4]))
    assert len(gpmf.read(odd).payloads) == 2
    assert len(gpmf.read(str(odd)).streams["ACCL"]) == 8


def test_the_summary_is_json_with_the_documented_fields(ramp: PayloadBuilder) -> None:
    summary = json.loads(json.dumps(gpmf.read_payloads(ramp([200, 200])).summary()))
    assert summary == {
        "camera": "",
        "payloads": 2,
        "clock": None,
        "streams": {
            "ACCL": {
                "samples": 400,
                "rate_hz": 199.8002,
                "units": ["m/s²"],
                "first_s": 0.0,
                "device": "Camera",
            }
        },
    }


@pytest.mark.parametrize("data", [b"", b"hello world", b"RIFF....WAVE", bytes(100), b"\xff\xd8\xff\xd9"])
def test_a_file_that_cannot_contain_telemetry_is_rejected(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(EddylineError) as caught:
        gpmf.read(path)
    assert caught.value.remedy


def test_a_movie_without_telemetry_is_an_error(tmp_path: Path, ramp: PayloadBuilder) -> None:
    from dataclasses import replace

    movie_path = tmp_path / "movie.mp4"
    track = telemetry_track(tmp_path, [ramp([1])])
    other = make_full_box("stsd", 0, 0, struct.pack(">I", 1), make_box("fdsc", bytes(6), b"\0\1", bytes(4)))
    write_mp4(movie_path, [replace(track, stsd=other)], timescale=1000)
    with pytest.raises(gpmf.NoTelemetryError, match="neither a gpmd track"):
        gpmf.read(movie_path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        gpmf.read(tmp_path / "none.mp4")


def test_a_damaged_payload_of_a_movie_is_reported_with_its_file_offset(
    tmp_path: Path, ramp: PayloadBuilder
) -> None:
    movie_path = tmp_path / "movie.mp4"
    blocks = split(ramp([200] * 3), 3)
    bad = bytearray(blocks[1])
    bad[bad.index(b"ACCL") + 6] = 0xFF
    blocks[1] = bytes(bad)
    write_mp4(movie_path, [telemetry_track(tmp_path, blocks)], timescale=1000)
    with pytest.raises(gpmf.GpmfError) as caught:
        gpmf.read(movie_path)
    assert caught.value.path == "payload[1]/DEVC[0]/STRM[0]/ACCL"
    assert caught.value.offset == movie_path.read_bytes().index(bytes(bad)) + bad.index(b"ACCL")
    lenient = gpmf.read(movie_path, lenient=True)
    assert len(lenient.streams["ACCL"]) == 400
    assert len(lenient.warnings) == 1
    assert list(lenient.payload(1).find("STRM"))


def test_the_package_is_imported_without_ffmpeg_and_without_the_ledger() -> None:
    code = "import sys; from eddyline import gpmf; print(*sorted(m.split('.')[0] for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert {"sqlalchemy", "imageio_ffmpeg", "obstore", "pydantic", "rich", "subprocess"}.isdisjoint(loaded)
