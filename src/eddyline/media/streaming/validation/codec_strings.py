"""Codec strings (RFC 6381) of CODECS and @codecs: families, profiles and levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_FAMILIES: Final = {
    **dict.fromkeys(("avc1", "avc3"), ("video", "h264")),
    **dict.fromkeys(("hvc1", "hev1"), ("video", "hevc")),
    **dict.fromkeys(("dvh1", "dvhe", "dav1"), ("video", "dolby-vision")),
    **dict.fromkeys(("vp08", "vp09"), ("video", "vp9")),
    "av01": ("video", "av1"),
    "mjpg": ("video", "mjpg"),
    "mp4v": ("video", "mpeg4"),
    "mp4a": ("audio", "aac"),
    "ac-3": ("audio", "ac3"),
    "ec-3": ("audio", "eac3"),
    "ac-4": ("audio", "ac4"),
    "fLaC": ("audio", "flac"),
    "alac": ("audio", "alac"),
    "Opus": ("audio", "opus"),
    "opus": ("audio", "opus"),
    "apac": ("audio", "apac"),
    "wvtt": ("text", "wvtt"),
    "stpp": ("text", "stpp"),
}
_AAC: Final = frozenset({"2", "5", "29"})  # AAC-LC, HE-AAC v1 and v2
_MAX_CODECS = 64


@dataclass(frozen=True, kw_only=True)
class Codec:
    """One codec string. `profile` and `level` are numbers as the string states them (level -1: unknown).

    The level is 41 for 4.1 of H.264, 123 for 4.1 of HEVC, and seq_level_idx of AV1. `high_tier` is of HEVC.
    """

    text: str
    entry: str
    kind: str
    family: str
    profile: int = 0
    level: int = -1
    high_tier: bool = False

    @property
    def stereo_aac(self) -> bool:
        """Whether it is AAC-LC or HE-AAC."""
        return self.family == "aac" and self.text.rpartition(".")[2] in _AAC


def parse_codecs(value: str) -> tuple[Codec, ...]:
    """The codecs of a comma-separated list."""
    parts = [part.strip() for part in value.split(",", _MAX_CODECS)[:_MAX_CODECS]]
    return tuple(parse_codec(part) for part in parts if part)


def parse_codec(text: str) -> Codec:
    """One codec string; of an unknown one only `text` and `entry` are known."""
    entry, *fields = text.split(".")
    kind, family = _FAMILIES.get(entry, ("", ""))
    profile, level, high_tier = _profile(family, fields)
    return Codec(
        text=text, entry=entry, kind=kind, family=family, profile=profile, level=level, high_tier=high_tier
    )


def _profile(family: str, fields: list[str]) -> tuple[int, int, bool]:
    """Profile, level and tier (ISO/IEC 14496-15 annex E; AV1-ISOBMFF section 5)."""
    try:
        if family == "h264" and len(fields[0]) == 6:  # noqa: PLR2004 - three bytes
            return int(fields[0][:2], 16), int(fields[0][4:], 16), False
        if family == "hevc":
            return int(fields[0].lstrip("ABC")), int(fields[2][1:]), fields[2][:1] == "H"
        if family == "av1":
            return int(fields[0]), int(fields[1][:2]), fields[1][2:] == "H"
    except (ValueError, IndexError):
        pass
    return 0, -1, False


def is_known_and_invalid(codec: Codec) -> bool:
    """Whether a codec that needs a profile and level does not state them."""
    return codec.family in {"h264", "hevc", "av1"} and codec.level < 0


def agree(declared: Codec, measured: Codec) -> bool:
    """Whether a declared codec string describes a sample entry.

    HEVC may state other compatibility flags and constraints, AV1 may state its optional fields.
    """
    if declared.entry.lower() != measured.entry.lower():
        return False
    if measured.family in {"h264", "hevc", "av1"}:
        same = (declared.profile, declared.level, declared.high_tier)
        return same == (measured.profile, measured.level, measured.high_tier)
    if measured.entry == "mp4a" and measured.text.count(".") > 1:
        return declared.text.lower() == measured.text.lower()
    return True
