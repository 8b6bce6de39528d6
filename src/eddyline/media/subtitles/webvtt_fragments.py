"""WebVTT as an initialization segment and one media segment of fragmented MP4 (ISO/IEC 14496-30 section 5).

DASH subtitles have this form, because FFmpeg rejects an MPD that references a plain .vtt file.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from eddyline.media.subtitles.cues import Cue, visible_intervals
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.movie import IDENTITY_MATRIX
from eddyline.mp4.write.box_writer import ftyp_box, pack_language

TICKS = 1000  # a second
_TRACK = 1
_EMPTY = make_box("vtte")
_BASE_IS_MOOF = 0x020000
_RUN = 0x000001 | 0x000100 | 0x000200  # data offset, duration, size


def init_segment(language: str) -> bytes:
    """Return ftyp and moov of a track without samples; `language` is ISO 639-2."""
    entry = make_box("wvtt", bytes(6), struct.pack(">H", 1), make_box("vttC", b"WEBVTT"))
    tables = [make_full_box(kind, 0, 0, bytes(4)) for kind in ("stts", "stsc", "stco")]
    tables.append(make_full_box("stsz", 0, 0, bytes(8)))
    stbl = make_box("stbl", make_full_box("stsd", 0, 0, struct.pack(">I", 1), entry), *tables)
    dref = make_full_box("dref", 0, 0, struct.pack(">I", 1), make_full_box("url ", 0, 1))
    mdia = make_box(
        "mdia",
        make_full_box("mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TICKS, 0, pack_language(language), 0)),
        make_full_box("hdlr", 0, 0, struct.pack(">4x4s12x", b"text"), b"TextHandler\0"),
        make_box("minf", make_full_box("nmhd", 0, 0), make_box("dinf", dref), stbl),
    )
    tkhd = make_full_box(
        "tkhd", 0, 7, struct.pack(">IIIII16x9iII", 0, 0, _TRACK, 0, 0, *IDENTITY_MATRIX, 0, 0)
    )
    mvhd = make_full_box(
        "mvhd",
        0,
        0,
        struct.pack(">IIIIiH10x9i24xI", 0, 0, TICKS, 0, 0x10000, 0, *IDENTITY_MATRIX, _TRACK + 1),
    )
    mvex = make_box("mvex", make_full_box("trex", 0, 0, struct.pack(">IIIII", _TRACK, 1, 0, 0, 0)))
    return ftyp_box("iso6", ("iso6", "mp41", "dash")) + make_box(
        "moov", mvhd, make_box("trak", tkhd, mdia), mvex
    )


def media_segment(cues: Sequence[Cue]) -> bytes:
    """Return a segment with all cues, from time 0 without gaps; the sample of a gap is an empty cue."""
    rows: list[bytes] = []
    data: list[bytes] = []
    now = 0
    for start, end, numbers in visible_intervals(cues):
        if start > now:
            rows.append(struct.pack(">II", start - now, len(_EMPTY)))
            data.append(_EMPTY)
        sample = b"".join(_cue(number, cues[number]) for number in numbers)
        rows.append(struct.pack(">II", end - start, len(sample)))
        data.append(sample)
        now = end
    if not rows:
        rows, data = [struct.pack(">II", TICKS, len(_EMPTY))], [_EMPTY]
    # The offset of the data from the start of moof depends on the length of moof.
    length = len(_moof(rows, 0))
    styp = make_box("styp", b"msdh", bytes(4), b"msdhmsix")
    return styp + _moof(rows, length + 8) + make_box("mdat", *data)


def _moof(rows: Sequence[bytes], offset: int) -> bytes:
    run = make_full_box("trun", 0, _RUN, struct.pack(">Ii", len(rows), offset), *rows)
    traf = make_box(
        "traf",
        make_full_box("tfhd", 0, _BASE_IS_MOOF, struct.pack(">I", _TRACK)),
        make_full_box("tfdt", 1, 0, struct.pack(">Q", 0)),
        run,
    )
    return make_box("moof", make_full_box("mfhd", 0, 0, struct.pack(">I", 1)), traf)


def _cue(number: int, cue: Cue) -> bytes:
    """Return a cue box; samples that show the same cue have the same source ID."""
    settings = make_box("sttg", b"line:0") if cue.top else b""
    return make_box(
        "vttc", make_box("vsid", struct.pack(">I", number)), settings, make_box("payl", cue.text.encode())
    )
