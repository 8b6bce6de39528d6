"""User data, titles and headers: valid known entries are kept, all others are removed."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from tests.shared_files import CASES
from tests.unit.edit.located_files import ISO_6709, append_to_box, box, write

from eddyline.edit.strip_location.boxes import spherical_xml
from eddyline.edit.strip_location.boxes.titles import track_name
from eddyline.edit.strip_location.boxes.user_data import UserData
from eddyline.edit.strip_location.report import Report
from eddyline.edit.strip_location.strip import strip_location
from eddyline.mp4.boxes import Box


def boxed(data: bytes) -> Box:
    raw = memoryview(data)
    return Box(kind=data[4:8].decode("latin-1"), raw=raw, body=raw[8:], offset=8, path="moov/udta")


def kept(*children: bytes, keep_titles: bool = False) -> bytes:
    """Returns the children that are kept of a udta box with these children."""
    metadata = UserData(report=Report(), keep_titles=keep_titles)
    return metadata.udta(boxed(box(b"udta", *children)))[8:]


HIGHLIGHTS = struct.pack(">III", 2, 500, 1500).ljust(404, b"\0")
HARMLESS = [
    box(b"FIRM", b"HD5.02.02.00.00"),
    box(b"LENS", b"LAE6101112400243".ljust(48, b"\0")),
    box(b"CAME", bytes(range(16))),
    box(b"MUID", bytes(range(200, 232))),
    box(b"GUMI", bytes(range(120, 136))),
    box(b"SETT", bytes.fromhex("e200000000000058410000000000")[:12]),
    box(b"HMMT", HIGHLIGHTS),
    box(b"\xa9mod", struct.pack(">HH", 5, 0x55C4) + b"HERO9"),
    box(b"kind", bytes(4) + b"urn:mpeg:dash:role:2011\0main\0"),
]
HARMFUL = [
    box(b"FIRM", b"at 47.3769 8.5417"),
    box(b"LENS", b"Zurich, 47 deg 22".ljust(48, b"\0")),
    box(b"CAME", b"47.3769N008.541E"),
    box(b"CAME", bytes(20)),
    box(b"HMMT", struct.pack(">III", 2, 1500, 500).ljust(404, b"\0")),
    box(b"HMMT", struct.pack(">II", 1, 500).ljust(404, b"x")),
    box(b"HMMT", ISO_6709),
    box(b"\xa9mod", struct.pack(">HH", len(ISO_6709), 0x55C4) + ISO_6709),
    box(b"\xa9mod", struct.pack(">HH", 5, 0x55C4) + b"HERO9" + ISO_6709),
    box(b"\xa9nam", struct.pack(">HH", 4, 0x55C4) + b"Home"),
    box(b"\xa9day", struct.pack(">HH", 24, 0x55C4) + b"2024-05-01T10:00:00+0200"),
    box(b"AMBA", bytes(range(120))),
    box(b"GPMF", b"DEVC\0\xff\xff\xff" + ISO_6709),
    box(b"kind", bytes(4) + b"urn:example\0main\0"),
    box(b"name", b"Home"),
]


@pytest.mark.parametrize("entry", HARMLESS)
def test_entries_written_by_cameras_are_kept_unchanged(entry: bytes) -> None:
    assert kept(entry) == entry


@pytest.mark.parametrize("entry", HARMFUL)
def test_invalid_and_unknown_entries_are_removed(entry: bytes) -> None:
    assert kept(entry) == b""


def test_a_repeated_entry_is_kept_once() -> None:
    assert kept(HARMLESS[0], HARMLESS[0]) == HARMLESS[0]


def chapters(*titles: bytes) -> bytes:
    rows = [struct.pack(">QB", at * 10_000_000, len(title)) + title for at, title in enumerate(titles)]
    return box(b"chpl", b"\1\0\0\0", bytes(4), bytes([len(titles)]), *rows)


def test_chapter_titles_are_replaced_unless_keep_titles_is_set() -> None:
    source = chapters(b"Start", b"HiLight 1 (manual)", b"Bovec", ISO_6709)
    neutral = chapters(b"Start", b"HiLight 1 (manual)", b"Chapter 3", b"Chapter 4")
    assert kept(source) == neutral
    assert kept(source, keep_titles=True) == chapters(b"Start", b"HiLight 1 (manual)", b"Bovec", b"Chapter 4")


@pytest.mark.parametrize(
    "name", ["", "VideoHandler", "GoPro AVC  ", "GoPro MET", "Core Media Video", "SoundHandler"]
)
def test_track_names_written_by_programs_are_kept(name: str) -> None:
    report = Report()
    assert track_name(name, "vide", keep=False, what="hdlr", report=report) == name
    assert not report.result(0).removed


@pytest.mark.parametrize("name", ["At home", "GoPro at 47.3769", "VideoHandler Bovec", ISO_6709.decode()])
def test_other_track_names_are_replaced(name: str) -> None:
    assert track_name(name, "vide", keep=False, what="hdlr", report=Report()) == "VideoHandler"


def test_spherical_xml_is_rebuilt_from_its_known_elements() -> None:
    known = "<GSpherical:Spherical>true</GSpherical:Spherical>"
    known += "<GSpherical:StereoMode>top-bottom</GSpherical:StereoMode>"
    other = f"<GSpherical:BoxSpan>{ISO_6709.decode()}</GSpherical:BoxSpan><x>47.3769</x>"
    rebuilt = spherical_xml.rebuild_packet(
        f"<rdf:SphericalVideo>{other}{known}{other}</rdf:SphericalVideo>".encode()
    )
    assert known.encode() in rebuilt
    assert b"47.3769" not in rebuilt
    assert spherical_xml.rebuild_packet(other.encode()) == b""
    assert spherical_xml.rebuild_packet(rebuilt) == rebuilt


def test_spherical_metadata_of_a_track_is_kept(plain: Path, tmp_path: Path) -> None:
    packet = spherical_xml.rebuild_packet(b"<GSpherical:Spherical>true</GSpherical:Spherical>")
    track = append_to_box(plain.read_bytes(), (b"moov", b"trak"), box(b"uuid", spherical_xml.UUID, packet))
    view = box(b"st3d", bytes(4), b"\1")
    proj = box(b"proj", box(b"prhd", bytes(16)), box(b"equi", bytes(20)))
    view += box(b"sv3d", box(b"svhd", bytes(4), b"Tool at 47.3769\0"), proj)
    entry = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    source = write(tmp_path / "in.mp4", append_to_box(track, entry, view))
    result = strip_location(source, tmp_path / "out.mp4")
    data = (tmp_path / "out.mp4").read_bytes()
    assert packet in data
    assert box(b"st3d", bytes(4), b"\1") in data
    assert proj in data
    assert b"47.3769" not in data
    assert [each.what.rsplit("/", 1)[-1] for each in result.removed] == ["svhd (program name)"]


def read_chapters(path: Path, ffprobe: str) -> list[tuple[str, str]]:
    """Returns (start, title) of each chapter, as read by ffprobe."""
    argv = [ffprobe, "-v", "error", "-show_chapters", "-of", "json", str(path)]
    found = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    return [(each["start_time"], each["tags"]["title"]) for each in found["chapters"]]


def test_chapters_of_the_source_keep_their_times(tmp_path: Path, ffmpeg: str, ffprobe: str) -> None:
    metadata = tmp_path / "chapters.txt"
    rows = [
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={at}\nEND={at + 400}\ntitle={t}"
        for at, t in ((0, "Intro"), (400, "Bovec"))
    ]
    metadata.write_text(";FFMETADATA1\n" + "\n".join(rows), "utf-8")
    source = tmp_path / "in.mp4"
    inputs = ["-f", "lavfi", "-i", "testsrc2=s=160x96:r=30:d=0.8", "-i", str(metadata), "-map_metadata", "1"]
    subprocess.run([ffmpeg, "-v", "error", *inputs, "-c:v", "libx264", str(source)], check=True)
    for keep, expected in ((False, ["Chapter 1", "Chapter 2"]), (True, ["Intro", "Bovec"])):
        out = tmp_path / f"{keep}.mp4"
        strip_location(source, out, keep_titles=keep)
        before, after = read_chapters(source, ffprobe), read_chapters(out, ffprobe)
        assert [time for time, _ in before] == [time for time, _ in after]
        assert [title for _, title in after] == expected
        assert (b"Bovec" in out.read_bytes()) == keep


def test_the_report_is_json_with_counts_and_bytes(plain: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "in.mp4", plain.read_bytes() + box(b"free", b"x" * 10) + box(b"free", b"y" * 5))
    result = strip_location(source, tmp_path / "out.mp4")
    report = json.loads(json.dumps(result.to_json()))
    assert report["removed"] == [{"what": "free", "why": "its contents are unknown", "count": 2, "bytes": 31}]
    assert report["bytes"] == (tmp_path / "out.mp4").stat().st_size


NAMES = "novatek nmea-free rvmi-data marl-ctbx priv dji-cover xmp-dji xmp-xmpdm insta-trailer dji-sub"


@pytest.mark.parametrize("name", NAMES.split())
def test_files_from_public_bug_reports_contain_no_location_afterwards(tmp_path: Path, name: str) -> None:
    source = CASES / f"{name}.mp4"
    if not source.is_file():
        pytest.skip("the files from public bug reports are missing: set EDDYLINE_CASES to their directory")
    result = strip_location(source, tmp_path / "out.mp4")
    assert result.removed
    assert b"47.376" not in (tmp_path / "out.mp4").read_bytes()
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed")
    argv = [program, "-ee3", "-G1", "-a", "-s", "-U", str(tmp_path / "out.mp4")]
    for line in subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines():
        assert not re.search(r"GPS|Location|47\.37", line) or re.search(r": *$", line), line
