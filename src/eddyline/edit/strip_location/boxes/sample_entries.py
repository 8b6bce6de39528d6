"""Rewrites sample descriptions (stsd): entries of known codecs with known extensions, without free text."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

from eddyline.core.coordinates import contains_location, is_ascii_text, is_plain_name
from eddyline.edit.strip_location.boxes.box_parts import (
    TERMINATOR,
    Rewrite,
    children,
    number_rule,
    remove_box,
    rewrite_children,
)
from eddyline.edit.strip_location.boxes.decoder_configs import ConfigError, rewrite_config
from eddyline.edit.strip_location.report import TEXT, UNKNOWN, Report
from eddyline.mp4.boxes import Box, make_box, make_full_box

_VISUAL, _AUDIO = 78, 28  # bytes of fields before the extensions
_AUDIO_V1, _AUDIO_V2 = 44, 64
_TIMECODE: Final = 26
_72_DPI: Final = bytes([0, 72, 0, 0])
_COMPRESSOR: Final = re.compile(
    r"|GoPro [A-Z0-9.]+ encoder|Lavc[\d.]* [a-z0-9_-]+|H\.26[345]|HEVC|AVC Coding|AVC1|AVC|AV1|HVC1"
    r"|Apple ProRes [0-9A-Za-z ]+|Motion JPEG( [AB])?|Photo - JPEG|DJI AVC encoder|Ambarella AVC encoder"
    r"|JVT/AVC Coding"
)
_NESTED: Final = frozenset(
    {"vexu", "eyes", "stri", "hero", "cams", "blin", "cmfy", "dadj", "must", "proj", "prji", "pack", "pkin"}
)
_LONGEST_PROFILE: Final = 1 << 20
# Text entries of chapter tracks. Their fields only affect appearance: centred, all others zero.
_TEXT: Final = make_box("text", bytes(6), struct.pack(">H", 1), struct.pack(">II", 0, 1), bytes(35))
_TX3G: Final = make_box(
    "tx3g",
    bytes(6),
    struct.pack(">HIBBI4H", 1, 0, 1, 0xFF, 0, 0, 0, 0, 0),
    struct.pack(">HHHBBI", 0, 0, 1, 0, 12, 0xFFFFFFFF),
    make_box("ftab", struct.pack(">HHB", 1, 1, 5) + b"Serif"),
)


class UnsupportedEntry(ValueError):  # noqa: N818 - the caller decides whether it is an error
    """A sample entry that is invalid or unsupported, so its samples cannot be checked."""


@dataclass(frozen=True, kw_only=True)
class SampleEntries:
    """Rewrites the sample descriptions of a track."""

    report: Report

    def stsd(self, source: Box, handler: str, known: str) -> bytes:
        """Returns the table with its entries, all of which have the format `known`.

        Raises `UnsupportedEntry` for an invalid entry or another format.
        """
        version, count = (
            (source.body[0], int.from_bytes(source.body[4:8], "big")) if len(source.body) else (0, 0)
        )
        entries = children(source, self.report, 8)
        for spare in entries[count:]:
            remove_box(spare, self.report)
        other = next((entry.kind for entry in entries[:count] if entry.kind != known), known)
        if other != known:
            raise UnsupportedEntry(f"its samples change their format from {known!a} to {other!a}")
        made = [self._entry(entry, handler, version) for entry in entries[:count]]
        if not made or version > 1:
            raise UnsupportedEntry("the sample description is missing")
        return make_full_box("stsd", version, 0, struct.pack(">I", len(made)), *made)

    def _entry(self, entry: Box, handler: str, version: int) -> bytes:
        if entry.kind in {"text", "tx3g"}:
            self._report_text_extensions(entry)
            return _TEXT if entry.kind == "text" else _TX3G
        if entry.kind == "tmcd":
            return self._fixed(entry, _TIMECODE)
        if entry.kind == "gpmd":
            return self._fixed(entry, 8, 4)
        try:
            return self._video(entry) if handler == "vide" else self._audio(entry, version)
        except (ConfigError, struct.error, IndexError) as error:
            raise UnsupportedEntry(f"{entry.path} is invalid: {error}") from error

    def _report_text_extensions(self, entry: Box) -> None:
        """Reports font names and other data after the colours and sizes of a text entry."""
        font = entry.body[51:52]
        end = 51 + 1 + font[0] if entry.kind == "text" and font else 46
        rest = bytes(entry.body[end:])
        if entry.kind == "text" and rest.strip(b"\0"):
            self.report.record_removed(f"{entry.path} (extensions)", UNKNOWN, len(rest), rest)

    def _fixed(self, entry: Box, size: int, zeros: int = 0) -> bytes:
        """Returns the first `size` bytes, then `zeros` zero bytes; removes the rest (such as a reel name)."""
        if len(entry.body) < size:
            raise UnsupportedEntry(f"{entry.path} is truncated")
        rest = bytes(entry.body[size:])
        if rest.strip(b"\0"):
            self.report.record_removed(f"{entry.path} (extensions)", UNKNOWN, len(rest), rest)
        return make_box(entry.kind, bytes(6), bytes(entry.body[6:size]), bytes(zeros))

    def _video(self, entry: Box) -> bytes:
        body = bytes(entry.body[:_VISUAL])
        size, resolution = body[24:28], body[28:36]
        if resolution.strip(b"\0") and resolution != _72_DPI * 2:
            resolution = _72_DPI * 2
        length = min(body[42], 31)
        rest = body[43 + length : 74]
        if rest.strip(b"\0"):
            self.report.record_removed(
                f"{entry.path} (bytes after the encoder name)", UNKNOWN, len(rest), rest
            )
        name = body[43 : 43 + length].rstrip(b"\0").decode("latin-1")
        if not _COMPRESSOR.fullmatch(name):
            self.report.record_removed(
                f"{entry.path} (encoder name)", TEXT, len(name), name.encode("latin-1")
            )
            name = ""
        depth, colours = struct.unpack_from(">Hh", body, 74)
        if colours == 0:
            raise UnsupportedEntry(f"{entry.path} has a colour table")
        vendor = body[12:16] if body[12:16].isalpha() else bytes(4)
        fields = (
            bytes(6) + body[6:12] + vendor + bytes(8) + size + resolution + bytes(4) + body[40:42]
            + bytes([len(name)]) + name.encode("latin-1").ljust(31, b"\0")
            + struct.pack(">Hh", depth, colours)
        )  # fmt: skip
        return make_box(
            entry.kind, fields, rewrite_children(entry, self.report, self._video_rules(), _VISUAL)
        )

    def _video_rules(self) -> dict[str, Rewrite]:
        fixed = {
            "pasp": (8,), "clap": (32,), "fiel": (2,), "gama": (4,), "btrt": (12,), "mdcv": (24,),
            "clli": (4,), "cclv": (24, 28, 32, 40), "amve": (8,), "SmDm": (28,), "CoLL": (8,), "vpcC": (12,),
            "hfov": (4,), "st3d": (5,), "d263": (7, 8, 23), "chrm": (1, 2),
        }  # fmt: skip
        return {
            **{kind: number_rule(self.report, *sizes) for kind, sizes in fixed.items()},
            **dict.fromkeys(("avcC", "hvcC", "lhvC", "av1C", "esds"), self._config),
            **dict.fromkeys(("dvcC", "dvvC", "dvwC"), number_rule(self.report, 24, form=_is_dolby_vision)),
            "colr": self._colour,
            "vexu": self._nested,
            "sv3d": self._spherical,
        }

    def _config(self, source: Box) -> bytes:
        return rewrite_config(source, self.report)

    def _colour(self, source: Box) -> bytes:
        """Keeps nclx and nclc, which are numbers, and colour profiles, which are needed for display."""
        body = bytes(source.body)
        profile = body[:4] in {b"prof", b"rICC"} and body[40:44] == b"acsp" and len(body) <= _LONGEST_PROFILE
        if profile and not contains_location(body):
            size = 4 + int.from_bytes(body[4:8], "big")
            return make_box("colr", body[:size])
        if body[:4] in {b"nclx", b"nclc"} and len(body) in {10, 11}:
            return make_box("colr", body)
        return remove_box(source, self.report)

    def _nested(self, source: Box) -> bytes:
        """Apple stereo video boxes: nested boxes of a few numbers each."""
        made: list[bytes] = []
        for child in children(source, self.report):
            if child.kind not in _NESTED:
                remove_box(child, self.report)
            elif child.kind in {"eyes", "cams", "cmfy", "proj", "pack"}:
                made.append(self._nested(child))
            else:
                made.append(number_rule(self.report, *range(25))(child))
        return make_box(source.kind, *made)

    def _spherical(self, source: Box) -> bytes:
        """Spherical Video V2: the projection; the program name only if it is plain."""

        def header(svhd: Box) -> bytes:
            text = bytes(svhd.body[4:]).rstrip(b"\0")
            if is_plain_name(text.decode("latin-1")):
                return make_full_box("svhd", 0, 0, text + b"\0")
            self.report.record_removed(f"{svhd.path} (program name)", TEXT, len(text), text)
            return make_full_box("svhd", 0, 0, b"\0")

        def projection(proj: Box) -> bytes:
            rules: dict[str, Rewrite] = {
                "prhd": number_rule(self.report, 16), "equi": number_rule(self.report, 20),
                "cbmp": number_rule(self.report, 12), "mshp": self._mesh,
            }  # fmt: skip
            return make_box("proj", rewrite_children(proj, self.report, rules))

        return make_box("sv3d", rewrite_children(source, self.report, {"svhd": header, "proj": projection}))

    def _mesh(self, source: Box) -> bytes:
        return (
            remove_box(source, self.report)
            if contains_location(bytes(source.body))
            else make_box("mshp", bytes(source.body))
        )

    def _audio(self, entry: Box, table_version: int) -> bytes:
        body = bytes(entry.body)
        (version,) = struct.unpack_from(">H", body, 8)
        size = _AUDIO
        if table_version == 0:
            size = {0: _AUDIO, 1: _AUDIO_V1, 2: _AUDIO_V2}.get(version, 0)
        if not size or len(body) < size:
            raise UnsupportedEntry(f"{entry.path} has an unknown layout")
        vendor = body[12:16] if body[12:16].isalpha() else bytes(4)
        fields = bytes(6) + body[6:12] + vendor + body[16:size]
        if contains_location(fields) or is_ascii_text(fields[6:]):
            raise UnsupportedEntry(f"{entry.path} contains text in numeric fields")
        return make_box(entry.kind, fields, rewrite_children(entry, self.report, self._audio_rules(), size))

    def _audio_rules(self) -> dict[str, Rewrite]:
        fixed: dict[str, tuple[int, ...]] = {
            "dac3": (3,), "srat": (8,), "pcmC": (6,), "damr": (9,), "alac": (28, 36, 40, 48, 52),
            "btrt": (12,),             "frma": (4,), "enda": (2,),
            "chnl": tuple(range(5, 33)), "dec3": tuple(range(3, 32)),
            "dac4": tuple(range(3, 64)),
            "dmlp": (10,), "ddts": (20,),
        }  # fmt: skip
        return {
            **{kind: number_rule(self.report, *sizes) for kind, sizes in fixed.items()},
            "dOps": number_rule(self.report, form=_is_opus),
            "SA3D": number_rule(self.report, form=_is_ambisonic),
            "chan": number_rule(self.report, form=_is_layout),
            "esds": self._config,
            "dfLa": self._config,
            "wave": self._wave,
        }

    def _wave(self, source: Box) -> bytes:
        """QuickTime decompression parameters and their terminator."""
        inner: dict[str, Rewrite] = {
            **self._audio_rules(),
            "mp4a": number_rule(self.report, 4),
        }
        inner.pop("wave")
        return make_box("wave", rewrite_children(source, self.report, inner), TERMINATOR)


def _is_dolby_vision(body: bytes) -> bool:
    """Dolby Vision configuration record: five bytes of fields, the rest reserved."""
    return not body[5:].strip(b"\0")


def _is_opus(body: bytes) -> bool:
    """OpusSpecificBox: 11 bytes, then a channel mapping unless its family is 0."""
    mapping = 0 if len(body) > 10 and body[10] == 0 else 2 + (body[1] if len(body) > 1 else 0)  # noqa: PLR2004
    return len(body) == 11 + mapping and body[0] == 0


def _is_ambisonic(body: bytes) -> bool:
    """SA3D (Spatial Audio RFC): 12 bytes, then the index of each ambisonic channel."""
    count = (len(body) - 12) // 4
    if count < 1 or len(body) != 12 + 4 * count or int.from_bytes(body[8:12], "big") != count:
        return False
    return all(each < count for each in struct.unpack_from(f">{count}I", body, 12))


def _is_layout(body: bytes) -> bool:
    """QuickTime channel layout: tag, bitmap, count, then descriptions of 20 bytes each."""
    return len(body) >= 16 and len(body) == 16 + 20 * int.from_bytes(body[12:16], "big")  # noqa: PLR2004
