"""HiLight tags are read from all boxes in which cameras record them, also without telemetry."""

from __future__ import annotations

import struct
from pathlib import Path

from eddyline.mp4.boxes import make_box
from eddyline.pipeline.runtime.highlights import read_hilight_times


def _hmmt(*times: int) -> bytes:
    return make_box("HMMT", struct.pack(f">{1 + len(times)}I", len(times), *times).ljust(404, b"\0"))


def test_tags_of_an_hmmt_box_are_read() -> None:
    assert read_hilight_times(make_box("FIRM", b"HD4") + _hmmt(1500, 9000)) == [
        (1.5, "manual"),
        (9.0, "manual"),
    ]


def test_invalid_boxes_have_no_tags() -> None:
    assert (
        read_hilight_times(None)
        == read_hilight_times(b"")
        == read_hilight_times(b"\xff" * 50)
        == read_hilight_times(make_box("GPMF", b"\xff" * 99))
        == []
    )
    assert read_hilight_times(make_box("HMMT", b"\xff\xff\xff\xff")) == []


def test_a_newer_camera_records_the_kind_of_each_tag() -> None:
    row = struct.pack(">LLLllf4sff", 2500, 2000, 3000, 0, 0, 0.0, b"VOIC", 1.0, 2.0)
    unknown_kind = struct.pack(">LLLllf4sff", 4000, 0, 0, 0, 0, 0.0, b"\xff<b>", 1.0, 2.0)
    assert read_hilight_times(make_box("GPMF", _hlmt(row + unknown_kind, len(row)))) == [
        (2.5, "voice"),
        (4.0, "other"),
    ]


def _hlmt(rows: bytes, size: int) -> bytes:
    """A GPMF device with tags."""

    def klv(key: bytes, kind: bytes, width: int, repeat: int, data: bytes) -> bytes:
        return key + kind + struct.pack(">BH", width, repeat) + data + bytes(-len(data) % 4)

    inner = klv(b"TYPE", b"c", 1, 9, b"LLLllfFff") + klv(b"HLMT", b"?", size, len(rows) // size, rows)
    stream = klv(b"STRM", b"\0", 1, len(inner), inner)
    body = klv(b"DVID", b"F", 4, 1, b"HLMT") + stream
    return klv(b"DEVC", b"\0", 1, len(body), body)


def test_tags_of_a_real_camera_are_read(samples: Path) -> None:
    block = (samples / "gpmf" / "mp4header.raw").read_bytes()
    found = read_hilight_times(make_box("GPMF", block))
    assert len(found) == 3
    assert [time for time, _ in found] == sorted(time for time, _ in found)
    assert {kind for _, kind in found} <= {"manual", "motion", "audio", "combined", "voice", "other"}
