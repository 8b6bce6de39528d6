"""Bad input: each kind has its own words, says what to do, and costs next to nothing."""

from __future__ import annotations

import struct
import time
import tracemalloc

import numpy as np
import pytest
from tests.unit.mp4.movies import Bytes, Make

from eddyline.core.errors import EddylineError, FormatError, TruncatedError
from eddyline.mp4.boxes import Box
from eddyline.mp4.errors import EmptyFileError, LimitError, MoovMissingError, Mp4Error, NotMp4Error
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Limits, Movie
from eddyline.mp4.write.box_writer import make_box, make_full_box
from eddyline.store.ranges import FileRanges


def _read(data: bytes) -> Movie:
    return read_movie(Bytes(data))


def _words(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def _movie(handler: bytes = b"meta", *, between: bytes = b"", **tables: bytes) -> bytes:
    """A whole small file with one track; `tables` replaces boxes of stbl by name."""
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


def test_the_small_file_that_the_others_here_spoil_is_sound() -> None:
    (track,) = _read(_movie()).tracks
    assert track.samples.size.tolist() == [3, 3]


_HUGE = 0xFFFFFFFF
# places in `_movie()`
_MOOV = 16
_MVHD = slice(24, 132)
_TRAK = slice(132, None)

_BAD: dict[str, tuple[bytes, type[FormatError], str]] = {
    "empty": (b"", EmptyFileError, "the file is empty"),
    "text": (b"Dear diary, today we paddled.\n" * 40, NotMp4Error, "this is text"),
    "five letters": (b"hello", NotMp4Error, "this is text"),
    "noise": (bytes(range(255, 0, -1)) * 9, NotMp4Error, "not an MP4 or MOV file"),
    "webm": (b"\x1aE\xdf\xa3" + bytes(99), NotMp4Error, "Matroska"),
    "transport stream": ((b"G" + bytes(187)) * 20, NotMp4Error, "transport stream"),
    "playlist": (b"#EXTM3U\nhttp://elsewhere/x.ts\n", NotMp4Error, "playlist"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(99), NotMp4Error, "JPEG"),
    "heic": (make_box("ftyp", b"heic", bytes(4)) + make_box("meta", bytes(50)), NotMp4Error, "still picture"),
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
        "without their header",
    ),
    "samples behind the end": (
        _movie(stco=make_full_box("stco", 0, 0, _words(1, 1 << 30))),
        TruncatedError,
        "2 of 2 samples, from number 0 on, lie behind the end",
    ),
    "64-bit offset that wraps round": (
        _movie(stco=make_full_box("co64", 0, 0, _words(1), struct.pack(">Q", (1 << 63) - 4))),
        TruncatedError,
        "behind the end",
    ),
    "box longer than its parent": (
        _movie(stts=struct.pack(">I4s", 5000, b"stts") + bytes(8)),
        Mp4Error,
        "says 5000 bytes where",
    ),
    "box shorter than its header": (
        _movie(stts=struct.pack(">I4s", 4, b"stts") + bytes(8)),
        Mp4Error,
        "less than its header",
    ),
    "64-bit size that wraps round": (
        _movie(stts=struct.pack(">I4sQ", 1, b"stts", (1 << 64) - 8)),
        Mp4Error,
        "bytes where",
    ),
    "more rows than bytes": (
        _movie(stts=make_full_box("stts", 0, 0, _words(_HUGE, 1, 1))),
        Mp4Error,
        "a table says 4294967295 rows",
    ),
    "no durations": (_movie(stts=make_full_box("stts", 0, 0, _words(0))), Mp4Error, "has a duration"),
    "chunks too few": (
        _movie(stsc=make_full_box("stsc", 0, 0, _words(1, 1, 1, 1))),
        Mp4Error,
        "2 samples have sizes, but the chunks hold only 1",
    ),
    "chunk runs that fall": (
        _movie(stsc=make_full_box("stsc", 0, 0, _words(2, 1, 1, 1, 1, 1, 1))),
        Mp4Error,
        "do not rise",
    ),
    "odd size width": (
        _movie(stsz=make_full_box("stz2", 0, 0, _words(7, 2), bytes(8))),
        Mp4Error,
        "of 7 bits",
    ),
    "no tables": (_movie(stco=b""), Mp4Error, "there is no 'stco' box"),
    "empty stsd": (_movie(stsd=make_full_box("stsd", 0, 0, _words(0))), Mp4Error, "nothing of its codec"),
    "four thousand million samples": (
        _movie(stsz=make_full_box("stsz", 0, 0, _words(1, _HUGE))),
        LimitError,
        "it has 4294967295 samples",
    ),
    "large samples in a small file": (
        _movie(stsz=make_full_box("stsz", 0, 0, _words(1 << 30, 1000))),
        LimitError,
        "1000 samples of 1073741824 bytes in a file of",
    ),
    "the same bytes again and again": (
        _movie(
            stsz=make_full_box("stsz", 0, 0, _words(0, 200, *([100] * 200))),
            stsc=make_full_box("stsc", 0, 0, _words(1, 1, 1, 1)),
            stco=make_full_box("stco", 0, 0, _words(200, *([0] * 200))),
        ),
        LimitError,
        "overlap",
    ),
    "a kind of sample beyond any table": (
        _movie(stsc=make_full_box("stsc", 0, 0, _words(1, 1, 2, _HUGE))),
        LimitError,
        "samples are of kind number 4294967295",
    ),
    "absurd picture": (
        _movie(
            b"vide",
            stsd=make_full_box(
                "stsd", 0, 0, _words(1), make_box("avc1", bytes(24), b"\xff\xff\xff\xff", bytes(60))
            ),
        ),
        LimitError,
        "65535x65535 pixels",
    ),
    "edit list that lies": (
        _movie(between=make_box("edts", make_full_box("elst", 0, 0, _words(_HUGE)))),
        Mp4Error,
        "edit list says 4294967295 rows",
    ),
    "edit before the beginning": (
        _movie(between=make_box("edts", make_full_box("elst", 0, 0, _words(1, 5, 0x80000000, 1 << 16)))),
        Mp4Error,
        "an edit begins at",
    ),
    "timescale 0": (_movie().replace(_words(1000), _words(0)), Mp4Error, "timescale is 0"),
    "two tracks of one number": (
        _movie()[:_MOOV] + make_box("moov", _movie()[_MVHD], _movie()[_TRAK], _movie()[_TRAK]),
        Mp4Error,
        "two tracks have the number 1",
    ),
    "a bomb of boxes": (
        _movie(between=make_box("tref", *([make_box("free")] * 11_000))),
        LimitError,
        "more than 1000 others",
    ),
    "a crowd of outermost boxes": (make_box("free") * 210_000, LimitError, "outermost boxes"),
    "no tracks": (_movie()[:_MOOV] + make_box("moov", _movie()[_MVHD]), Mp4Error, "there are no tracks"),
}


@pytest.mark.parametrize("name", _BAD)
def test_bad_input_is_named_for_what_it_is(name: str) -> None:
    data, kind, words = _BAD[name]
    began = time.perf_counter()
    with pytest.raises(FormatError) as raised:
        _read(data)
    assert time.perf_counter() - began < 20
    assert type(raised.value) is kind
    assert words in raised.value.message
    assert len(raised.value.remedy) > 20


def test_every_kind_of_bad_input_has_words_of_its_own() -> None:
    messages: dict[str, list[str]] = {}
    for name, (data, _, _) in _BAD.items():
        with pytest.raises(FormatError) as raised:
            _read(data)
        messages.setdefault(raised.value.message, []).append(name)
    shared = {tuple(names) for names in messages.values() if len(names) > 1}
    assert shared <= {("text", "five letters"), ("interrupted", "interrupted, open mdat")} | {
        ("samples behind the end", "64-bit offset that wraps round")
    }


def test_a_lying_count_takes_no_memory() -> None:
    data = _movie(stsz=make_full_box("stsz", 0, 0, _words(0, 4_000_000, 1)))
    tracemalloc.start()
    with pytest.raises(FormatError):
        _read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_fragment_that_lies_about_its_samples_is_refused() -> None:
    trex = make_full_box("trex", 0, 0, _words(1, 1, 10, 0, 0))
    moov = _movie(
        stsz=make_full_box("stsz", 0, 0, _words(0, 0)), stco=make_full_box("stco", 0, 0, _words(0))
    )[16 + 8 :]
    for count, words in ((_HUGE, "a fragment says it has"), (20_000, "without a byte")):
        trun = make_full_box("trun", 0, 0, _words(count))
        traf = make_box("traf", make_full_box("tfhd", 0, 0, _words(1)), trun)
        data = (
            make_box("ftyp", b"iso5", bytes(4))
            + make_box("moov", moov, make_box("mvex", trex))
            + make_box("moof", traf)
        )
        assert _read(data.replace(trun, make_full_box("trun", 0, 0, _words(0)))).fragmented
        with pytest.raises(LimitError, match=words):
            _read(data)


def test_a_fragment_with_a_kind_of_sample_beyond_any_table_is_refused() -> None:
    traf = make_box(
        "traf", make_full_box("tfhd", 0, 0x2, _words(1, _HUGE)), make_full_box("trun", 0, 0, _words(1))
    )
    moov = make_box("moov", _movie()[24:], make_box("mvex"))
    with pytest.raises(LimitError, match="of kind number 4294967295"):
        _read(make_box("ftyp", b"iso5", bytes(4)) + moov + make_box("moof", traf))


def test_a_swarm_of_empty_runs_is_refused() -> None:
    traf = make_box(
        "traf", make_full_box("tfhd", 0, 0, _words(1)), *([make_full_box("trun", 0, 0, _words(0))] * 90)
    )
    moov = make_box("moov", _movie()[24:], make_box("mvex"))
    data = make_box("ftyp", b"iso5", bytes(4)) + moov + make_box("moof", *([traf] * 40))
    with pytest.raises(LimitError, match="too many runs"):
        read_movie(Bytes(data), limits=Limits(boxes=2000))


def test_a_fragment_of_a_track_that_does_not_exist_is_refused() -> None:
    traf = make_box("traf", make_full_box("tfhd", 0, 0, _words(9)))
    data = (
        make_box("ftyp", b"iso5", bytes(4))
        + make_box("moov", _movie()[24:], make_box("mvex"))
        + make_box("moof", traf)
    )
    with pytest.raises(Mp4Error, match="track 9, which does not exist"):
        _read(data)


def test_nesting_has_an_end() -> None:
    data = b""
    for _ in range(40):
        data = make_box("trak", data)

    def descend(outer: Box) -> None:
        descend(outer.require("trak"))

    whole = memoryview(data)
    with pytest.raises(LimitError, match="deep in each other"):
        descend(Box(kind="moov", raw=whole, body=whole, offset=0, path="moov"))


def test_limits_can_be_drawn_tighter(make_film: Make) -> None:
    for limits, words in (
        (Limits(samples=10), "says it has 50 samples"),
        (Limits(tracks=1), "more than 1 tracks"),
        (Limits(index=100), "larger than 100 bytes"),
        (Limits(boxes=1), "more than 1 outermost"),
    ):
        with FileRanges(make_film("closed_gop")) as source, pytest.raises(LimitError, match=words):
            read_movie(source, limits=limits)


def test_a_file_cut_anywhere_says_so_or_is_still_whole(make_film: Make) -> None:
    data = make_film("moov_first").read_bytes()
    for end in np.linspace(1, len(data) - 1, 60).astype(int).tolist():
        with pytest.raises((TruncatedError, NotMp4Error, MoovMissingError)):
            _read(data[:end])


def test_errors_say_where_and_what_to_do() -> None:
    with pytest.raises(EddylineError) as raised:
        _read(_movie(stts=make_full_box("stts", 0, 0, _words(_HUGE, 1, 1))))
    evidence = raised.value.evidence()
    assert evidence["path"] == "moov/trak[0]/mdia/minf/stbl/stts"
    assert evidence["offset"] > 0
    assert "copy it from the card" in str(raised.value)
