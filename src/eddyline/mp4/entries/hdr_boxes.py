"""The boxes of static HDR metadata in visual sample entries.

mdcv is the mastering display colour volume, clli the content light level (ISO/IEC 14496-12 sections 12.1.6
and 12.1.7). VP9 has SmDm and CoLL instead (VP Codec ISO Media File Format Binding, section "HDR Metadata").
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from eddyline.mp4.bitstream.hdr_metadata import (
    HdrMetadata,
    mastering_display_bytes,
    parse_content_light,
    parse_fixed_point_display,
    parse_mastering_display,
)
from eddyline.mp4.boxes import make_box
from eddyline.mp4.entries.visual_entry import entry_boxes, with_entry_boxes

_PARSERS: Final[Mapping[str, tuple[Callable[[bytes], HdrMetadata], int]]] = {  # parser, bytes before
    "mdcv": (parse_mastering_display, 0),
    "clli": (parse_content_light, 0),
    "SmDm": (parse_fixed_point_display, 4),
    "CoLL": (parse_content_light, 4),
}


def read_hdr_boxes(stsd: bytes) -> HdrMetadata:
    """The metadata in the first visual sample entry of a stsd box; cut boxes are ignored."""
    found = HdrMetadata()
    for box in entry_boxes(stsd):
        if box.kind in _PARSERS:
            parse, skipped = _PARSERS[box.kind]
            with suppress(struct.error):
                found = found.or_else(parse(bytes(box.body[skipped:])))
    return found


def with_hdr_boxes(stsd: bytes, metadata: HdrMetadata) -> bytes:
    """A complete stsd box with exactly this metadata in its visual sample entries."""
    boxes = tuple(_boxes(metadata))
    if not boxes and not _PARSERS.keys() & {box.kind for box in entry_boxes(stsd)}:
        return stsd
    return with_entry_boxes(stsd, boxes, without=_PARSERS.__contains__)


def _boxes(metadata: HdrMetadata) -> Iterator[bytes]:
    if metadata.mastering_display:
        yield make_box("mdcv", mastering_display_bytes(metadata.mastering_display))
    if metadata.content_light:
        yield make_box("clli", struct.pack(">2H", *metadata.content_light))
