"""Codec families: the ladders of one asset, each in one codec and one dynamic range.

A player selects one family and changes only between its rungs, so that it never changes its decoder. Each
family has its own chunk jobs, which may run in another pool: H.264 on GPUs, AV1 on CPUs. The order of the
families is their order in playlists: players that support several codecs, but choose the first entry, get
H.264 (hls.js#3888), and HDR comes after its SDR fallback.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_HDR: Final = "-hdr"
_ORDER: Final = ("h264", "hevc", "av1", f"hevc{_HDR}", f"av1{_HDR}")


def family_name(codec: str, *, hdr: bool) -> str:
    """The name of the family of a codec ("av1"); `hdr`: its rungs are shown as HDR ("hevc-hdr")."""
    return f"{codec}{_HDR}" if hdr else codec


def family_codec(family: str) -> str:
    """The codec of a family."""
    return family.removesuffix(_HDR)


def ordered_families(families: Iterable[str]) -> tuple[str, ...]:
    """The families, each once, in their order in playlists; unknown ones last."""
    return tuple(sorted(set(families), key=_place))


def _place(family: str) -> tuple[int, str]:
    return (_ORDER.index(family) if family in _ORDER else len(_ORDER), family)
