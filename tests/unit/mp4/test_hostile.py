"""Invalid input: each kind has its own message and remedy, and is rejected cheaply."""

from __future__ import annotations

import struct
import time
import tracemalloc

import numpy as np
import pytest
from tests.unit.mp4.movies import Bytes, Make

from eddyline.core.errors import EddylineError, FormatError, TruncatedError
from eddyline.mp4.boxes import Box, make_box, make_full_box
from eddyline.mp4.errors import EmptyFileError, LimitError, MoovMissingError, Mp4Error, NotMp4Error
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Limits, Movie
from eddyline.store.ranges import FileRanges


def _read(data: bytes) -> Movie:
    return read_movie(Bytes(data))


def _words(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def _movie(handler: bytes = b"meta", *, between: bytes = b"", **tables: bytes) -> bytes:
    """A complete small file with one track; `tables` replaces boxes of stbl by name."""
    entry = make_box("gpmd", bytes(6), b"\0\1", bytes(80))
    plain = {
        "stsd": make_full_box("stsd", 0, 0, _words(1), entry),
        "stts": make_full_box("stts", 0, 0, _words(1, 2, 10)),
        "stsc": make_full_box("stsc", 0, 0, _words(1, 1, 2, 1)),
        "stsz": make_full_box("stsz", 0, 0, _words(0, 2, 3, 3)),
        "stco": make_full_box("stco", 0, 0, _words(1, 0)),
    }
    stbl = make_box("stbl", *{**plain, **tables}.values())
    tkhd = make_full_box("tkhd", 0, 7, _words(0, 0, 1, 0, 0), bytes(16), _words(*([0] * 9)), bytes(8))
    mdhd = make_full_box("mdhd", 0, 0, _words(0, 0, 1000, 0), bytes(4))
    hdlr = make_full_box("hdlr", 0, 0, bytes(4), handler, bytes(13))
    mdia = make_box("mdia", mdhd, hdlr, make_box("minf", stbl))
    mvhd = make_full_box("mvhd", 0, 0, _words(0, 0, 1000, 0), bytes(80))
    return make_box("ftyp", b"isom", bytes(4)) + make_box("moov", mvhd, make_box("trak", tkhd, between, mdia))


def test_the_unmodified_small_file_is_valid() -> None:
    (track,) = _read(_movie()).tracks
    assert track.samples.size.tolist() == [3, 3]


_HUGE = 0xFFFFFFFF
# offsets in `_movie()`
_MOOV = 16
_MVHD = slice(24, 132)
_TRAK = slice(132, None)

_INVALID: dict[str, tuple[bytes, type[FormatError], str]] = {
    "empty": (b"", EmptyFileError, "the file is empty"),
    "text": (b"Dear diary, today we paddled.\n" * 40, NotMp4Error, "this is text"),
    "five characters": (b"hello", NotMp4Error, "this is text"),
    "noise": (bytes(range(255, 0, -1)) * 9, NotMp4Error, "not an MP4 or MOV file"),
    "webm": (b"\x1aE\xdf\xa3" + bytes(99), NotMp4Error, "Matroska"),
    "transport stream": ((b"G" + bytes(187)) * 20, NotMp4Error, "transport stream"),
    "playlist": (b"#EXTM3U\nhttp://elsewhere/x.ts\n", NotMp4Error, "playlist"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(99), NotMp4Error, "JPEG"),
    "heic": (make_box("ftyp", b"heic", bytes(4)) + make_box("meta", bytes(50)), NotMp4Error, "still image"),
    "interrupted": (
        make_box("ftyp", b"mp41", bytes(4)) + make_box("mdat", bytes(500)),
        MoovMissingError,
        "recording was interrupted",
    ),
    "interrupted, open mdat": (
        make_box("ftyp", b"mp41", bytes(4)) + struct.pack(">I4s", 0, b"mdat") + bytes(500),
        MoovMissingError,
        "recording was interrupted",
    ),
    "cut in mdat": (
        make_box("ftyp", b"mp41", bytes(4)) + struct.pack(">I4s", 9000, b"mdat") + bytes(500),
        TruncatedError,
        "8492 bytes are missing",
    ),
    "cut in moov": (_movie()[:300], TruncatedError, "bytes are missing"),
    "header only": (make_box("ftyp", b"mp41", bytes(4)), MoovMissingError, "neither an index"),
    "fragments only": (
        make_box("moof", bytes(9)) + make_box("mdat", bytes(9)),
        MoovMissingError,
        "but not their header",
    ),
    "samples after the end": (
        _movie(stco=make_full_box("stco", 0, 0, _words(1, 1 << 30))),
        TruncatedError,
        "2 of 2 samples, starting with sample 0, are located after the end",
    ),
    "64-bit offset that overflows": (
        _movie(stco=make_full_box("co64", 0, 0, _words(1), struct.pack(">Q", (1 << 63) - 4))),
        TruncatedError,
        "after the end",
    ),
    "box longer than its parent": (
        _movie(stts=struct.pack(">I4s", 5000, b"stts") + bytes(8)),
        Mp4Error,
        "has a size of 5000 bytes, but only",
    ),
    "box shorter than its header": (
        _movie(stts=struct.pack(">I4s", 4, b"stts") + bytes(8)),
        Mp4Error,
        "less than its header",
    ),
    "64-bit size that overflows": (
        _movie(stts=struct.pack(">I4sQ", 1, b"stts", (1 << 64) - 8)),
        Mp4Error,
        "bytes, but only 92 are left",
    ),
    "more rows than bytes": (
        _movie(stts=make_full_box("stts", 0, 0, _words(_HUGE, 1, 1))),
        Mp4Error,
        "a table has 4294967295 rows",
    ),
    "no durations": (
        _movie(stts=make_full_box("stts", 0, 0, _words(0))),
        Mp4Error,
        "the durations of all 2 samples are missing",
    ),
    "chunks too few": (
        _movie(stsc=make_full_box("stsc", 0, 0, _words(1, 1, 1, 1))),
        Mp4Error,
        "2 samples have sizes, but the chunks contain only 1",
    ),
    "decreasing chunk runs": (
        _movie(stsc=make_full_box("stsc", 0, 0, _words(2, 1, 1, 1, 1, 1, 1))),
        Mp4Error,
        "do not increase from 1",
    ),
    "odd size width": (
        _movie(stsz=make_full_box("stz2", 0, 0, _words(7, 2), bytes(8))),
        Mp4Error,
        "of 7 bits",
    ),
    "no tables": (_movie(stco=b""), Mp4Error, "the 'stco' box is missing"),
    "empty stsd": (
        _movie(stsd=make_full_box("stsd", 0, 0, _words(0))),
        Mp4Error,
        "the codec of the track is missing",
    ),
    "four billion samples": (
        _movie(stsz=make_full_box("stsz", 0, 0, _words(1, _HUGE))),
        LimitError,
        "declares 4294967295 samples",
    ),
    "large samples in a small file": (
        _movie(stsz=make_full_box("stsz", 0, 0, _words(1 << 30, 1000))),
        LimitError,
        "1000 samples of 1073741824 bytes in a file of",
    ),
    "overlapping samples": (
        _movie(
            stsz=make_full_box("stsz", 0, 0, _words(0, 200, *([100] * 200))),
            stsc=make_full_box("stsc", 0, 0, _words(1, 1, 1, 1)),
            stco=make_full_box("stco", 0, 0, _words(200, *([0] * 200))),
        ),
        LimitError,
        "overlap",
    ),
    "excessive sample description": (
        _movie(stsc=make_full_box("stsc", 0, 0, _words(1, 1, 2, _HUGE))),
        LimitError,
        "samples refer to the sample description 4294967295",
    ),
    "excessive frame size": (
        _movie(
            b"vide",
            stsd=make_full_box(
                "stsd", 0, 0, _words(1), make_box("avc1", bytes(24), b"\xff\xff\xff\xff", bytes(60))
            ),
        ),
        LimitError,
        "65535x65535 pixels",
    ),
    "edit list with an impossible count": (
        _movie(between=make_box("edts", make_full_box("elst", 0, 0, _words(_HUGE)))),
        Mp4Error,
        "edit list declares 4294967295 rows",
    ),
    "edit with a negative start": (
        _movie(between=make_box("edts", make_full_box("elst", 0, 0, _words(1, 5, 0x80000000, 1 << 16)))),
        Mp4Error,
        "an edit starts at",
    ),
    "timescale 0": (_movie().replace(_words(1000), _words(0)), Mp4Error, "timescale is 0"),
    "two tracks of one number": (
        _movie()[:_MOOV] + make_box("moov", _movie()[_MVHD], _movie()[_TRAK], _movie()[_TRAK]),
        Mp4Error,
        "two tracks have the number 1",
    ),
    "too many child boxes": (
        _movie(between=make_box("tref", *([make_box("free")] * 11_000))),
        LimitError,
        "more than 1000 child boxes",
    ),
    "too many top-level boxes": (make_box("free") * 210_000, LimitError, "top-level boxes"),
    "no tracks": (_movie()[:_MOOV] + make_box("moov", _movie()[_MVHD]), Mp4Error, "the file has no tracks"),
}


@pytest.mark.parametrize("name", _INVALID)
def test_each_kind_of_invalid_input_raises_its_own_error(name: str) -> None:
    data, kind, message = _INVALID[name]
    start = time.perf_counter()
    with pytest.raises(FormatError) as raised:
        _read(data)
    assert time.perf_counter() - start < 20
    assert type(raised.value) is kind
    assert message in raised.value.message
    assert len(raised.value.remedy) > 20


def test_each_kind_of_invalid_input_has_its_own_message() -> None:
    messages: dict[str, list[str]] = {}
    for name, (data, _, _) in _INVALID.items():
        with pytest.raises(FormatError) as raised:
            _read(data)
        messages.setdefault(raised.value.message, []).append(name)
    shared = {tuple(names) for names in messages.values() if len(names) > 1}
    assert shared <= {("text", "five characters"), ("interrupted", "interrupted, open mdat")} | {
        ("samples after the end", "64-bit offset that overflows")
    }


def test_an_impossible_count_allocates_no_memory() -> None:
    data = _movie(stsz=make_full_box("stsz", 0, 0, _words(0, 4_000_000, 1)))
    tracemalloc.start()
    with pytest.raises(FormatError):
        _read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_fragment_with_impossible_samples_is_rejected() -> None:
    trex = make_full_box("trex", 0, 0, _words(1, 1, 10, 0, 0))
    moov = _movie(
        stsz=make_full_box("stsz", 0, 0, _words(0, 0)), stco=make_full_box("stco", 0, 0, _words(0))
    )[16 + 8 :]
    for count, message in ((_HUGE, "a fragment declares"), (20_000, "20000 empty samples")):
        trun = make_full_box("trun", 0, 0, _words(count))
        traf = make_box("traf", make_full_box("tfhd", 0, 0, _words(1)), trun)
        data = (
            make_box("ftyp", b"iso5", bytes(4))
            + make_box("moov", moov, make_box("mvex", trex))
            + make_box("moof", traf)
        )
        assert _read(data.replace(trun, make_full_box("trun", 0, 0, _words(0)))).fragmented
        with pytest.raises(LimitError, match=message):
            _read(data)


def test_a_fragment_with_an_impossible_sample_description_is_rejected() -> None:
    traf = make_box(
        "traf", make_full_box("tfhd", 0, 0x2, _words(1, _HUGE)), make_full_box("trun", 0, 0, _words(1))
    )
    moov = make_box("moov", _movie()[24:], make_box("mvex"))
    with pytest.raises(LimitError, match="sample description 4294967295"):
        _read(make_box("ftyp", b"iso5", bytes(4)) + moov + make_box("moof", traf))


def test_too_many_empty_runs_are_rejected() -> None:
    traf = make_box(
        "traf", make_full_box("tfhd", 0, 0, _words(1)), *([make_full_box("trun", 0, 0, _words(0))] * 90)
    )
    moov = make_box("moov", _movie()[24:], make_box("mvex"))
    data = make_box("ftyp", b"iso5", bytes(4)) + moov + make_box("moof", *([traf] * 40))
    with pytest.raises(LimitError, match="too many runs"):
        read_movie(Bytes(data), limits=Limits(boxes=2000))


def test_a_fragment_of_an_unknown_track_is_rejected() -> None:
    traf = make_box("traf", make_full_box("tfhd", 0, 0, _words(9)))
    data = (
        make_box("ftyp", b"iso5", bytes(4))
        + make_box("moov", _movie()[24:], make_box("mvex"))
        + make_box("moof", traf)
    )
    with pytest.raises(Mp4Error, match="the unknown track 9"):
        _read(data)


def test_nesting_is_limited() -> None:
    data = b""
    for _ in range(40):
        data = make_box("trak", data)

    def descend(outer: Box) -> None:
        descend(outer.require("trak"))

    view = memoryview(data)
    with pytest.raises(LimitError, match="nested more than 16 deep"):
        descend(Box(kind="moov", raw=view, body=view, offset=0, path="moov"))


def test_limits_can_be_reduced(make_clip: Make) -> None:
    for limits, message in (
        (Limits(samples=10), "declares 50 samples"),
        (Limits(tracks=1), "more than 1 tracks"),
        (Limits(index=100), "larger than 100 bytes"),
        (Limits(boxes=1), "more than 1 top-level"),
    ):
        with FileRanges(make_clip("closed_gop")) as source, pytest.raises(LimitError, match=message):
            read_movie(source, limits=limits)


def test_a_file_truncated_anywhere_raises_an_error(make_clip: Make) -> None:
    data = make_clip("moov_first").read_bytes()
    for end in np.linspace(1, len(data) - 1, 60).astype(int).tolist():
        with pytest.raises((TruncatedError, NotMp4Error, MoovMissingError)):
            _read(data[:end])


def test_errors_have_a_position_and_a_remedy() -> None:
    with pytest.raises(EddylineError) as raised:
        _read(_movie(stts=make_full_box("stts", 0, 0, _words(_HUGE, 1, 1))))
    evidence = raised.value.evidence()
    assert evidence["path"] == "moov/trak[0]/mdia/minf/stbl/stts"
    assert evidence["offset"] > 0
    assert "copy it from the card" in str(raised.value)
