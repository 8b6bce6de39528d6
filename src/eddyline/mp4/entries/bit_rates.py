"""The bit rates in a sample entry's elementary stream descriptor (ISO/IEC 14496-1 section 7.2.6.6)."""

from __future__ import annotations

import struct

from eddyline.mp4.boxes import Box, make_box, sample_entries

_ES_DESCRIPTOR, _DECODER_CONFIG = 3, 4  # tags
_RATES_AT, _RATES = 5, 8  # bytes of the maximum and average bit rate, within the decoder's configuration
_AUDIO_FIELDS = 28  # bytes of an AudioSampleEntry before its boxes


def with_bit_rates(esds: bytes, rate: int) -> bytes:
    """A complete esds box with both bit rates set to `rate` bits per second (0: unknown)."""
    out = bytearray(esds)
    at = 8 + 4
    while at + 2 <= len(out):
        tag = out[at]
        at += 1
        while at < len(out) and out[at] & 0x80:
            at += 1
        at += 1
        if tag == _DECODER_CONFIG:
            rates = slice(at + _RATES_AT, at + _RATES_AT + _RATES)
            out[rates] = struct.pack(">II", rate, rate)[: len(out[rates])]
            break
        if tag != _ES_DESCRIPTOR:  # which contains the others
            break
        at += 3  # ES_ID and flags; cameras set no flags
    return bytes(out)


def with_audio_bit_rates(stsd: bytes, rate: int) -> bytes:
    """A complete stsd box of MPEG-4 audio with this bit rate, and without a `btrt` box, which repeats it."""
    rows = [_with_rate(entry, rate) for entry in sample_entries(stsd)]
    return make_box("stsd", stsd[8:16], *rows)


def _with_rate(entry: Box, rate: int) -> bytes:
    inner = [
        with_bit_rates(bytes(box.raw), rate) if box.kind == "esds" else bytes(box.raw)
        for box in entry.children(_AUDIO_FIELDS)
        if box.kind != "btrt"
    ]
    return make_box(entry.kind, bytes(entry.body[:_AUDIO_FIELDS]), *inner)
