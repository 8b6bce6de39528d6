"""WebVTT as an initialisation segment and one media segment of fragmented MP4 (ISO/IEC 14496-30 section 5).

DASH has its subtitles in this form: FFmpeg refuses a whole MPD that names a plain .vtt file.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from eddyline.media.subtitles.cues import Cue, visible_intervals
from eddyline.mp4.movie import IDENTITY
from eddyline.mp4.write.box_writer import box, file_type, full_box, language_code

TICKS = 1000  # a second
_TRACK = 1
_EMPTY = box("vtte")
_BASE_IS_MOOF = 0x020000
_RUN = 0x000001 | 0x000100 | 0x000200  # data offset, duration, size


def init_segment(language: str) -> bytes:
    """Ftyp and moov of a track without samples; `language` is ISO 639-2."""
    entry = box("wvtt", bytes(6), struct.pack(">H", 1), box("vttC", b"WEBVTT"))
    tables = [full_box(kind, 0, 0, bytes(4)) for kind in ("stts", "stsc", "stco")]
    tables.append(full_box("stsz", 0, 0, bytes(8)))
    stbl = box("stbl", full_box("stsd", 0, 0, struct.pack(">I", 1), entry), *tables)
    dref = full_box("dref", 0, 0, struct.pack(">I", 1), full_box("url ", 0, 1))
    mdia = box(
        "mdia",
        full_box("mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TICKS, 0, language_code(language), 0)),
        full_box("hdlr", 0, 0, struct.pack(">4x4s12x", b"text"), b"TextHandler\0"),
        box("minf", full_box("nmhd", 0, 0), box("dinf", dref), stbl),
    )
    tkhd = full_box("tkhd", 0, 7, struct.pack(">IIIII16x9iII", 0, 0, _TRACK, 0, 0, *IDENTITY, 0, 0))
    mvhd = full_box(
        "mvhd", 0, 0, struct.pack(">IIIIiH10x9i24xI", 0, 0, TICKS, 0, 0x10000, 0, *IDENTITY, _TRACK + 1)
    )
    mvex = box("mvex", full_box("trex", 0, 0, struct.pack(">IIIII", _TRACK, 1, 0, 0, 0)))
    return file_type("iso6", ("iso6", "mp41", "dash")) + box("moov", mvhd, box("trak", tkhd, mdia), mvex)


def media_segment(cues: Sequence[Cue]) -> bytes:
    """All cues, from time 0 on without a gap; the sample of a gap is an empty cue."""
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
    # The offset of the data, from the start of moof, is known once the length of moof is.
    length = len(_moof(rows, 0))
    styp = box("styp", b"msdh", bytes(4), b"msdhmsix")
    return styp + _moof(rows, length + 8) + box("mdat", *data)


def _moof(rows: Sequence[bytes], offset: int) -> bytes:
    run = full_box("trun", 0, _RUN, struct.pack(">Ii", len(rows), offset), *rows)
    traf = box(
        "traf",
        full_box("tfhd", 0, _BASE_IS_MOOF, struct.pack(">I", _TRACK)),
        full_box("tfdt", 1, 0, struct.pack(">Q", 0)),
        run,
    )
    return box("moof", full_box("mfhd", 0, 0, struct.pack(">I", 1)), traf)


def _cue(number: int, cue: Cue) -> bytes:
    """A cue box; its source ID says which samples show the same cue."""
    settings = box("sttg", b"line:0") if cue.top else b""
    return box("vttc", box("vsid", struct.pack(">I", number)), settings, box("payl", cue.text.encode()))
