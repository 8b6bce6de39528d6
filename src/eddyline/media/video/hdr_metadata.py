"""Static HDR metadata of renditions: in rungs that keep HDR, and in no other rung.

FFmpeg would pass it as side data, and only to the first output of a filter graph. Instead all side data about
HDR is removed from the frames. Encoders, sample entries and initialization segments get the values of the
plan, so that all chunks have the same.
"""

from __future__ import annotations

from typing import Final

from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts
from eddyline.media.video.parameter_sets import with_parameter_sets
from eddyline.mp4.bitstream.hdr_messages import hdr_obus, hdr_sei_units
from eddyline.mp4.bitstream.hdr_metadata import NO_HDR_METADATA, HdrMetadata
from eddyline.mp4.boxes import make_box
from eddyline.mp4.entries.hdr_boxes import with_hdr_boxes
from eddyline.mp4.entries.visual_entry import entry_boxes, with_entry_boxes

SIDE_DATA_FILTERS: Final = tuple(
    f"sidedata=mode=delete:type={name}"
    for name in (
        "MASTERING_DISPLAY_METADATA",
        "CONTENT_LIGHT_LEVEL",
        "DYNAMIC_HDR_PLUS",
        "DYNAMIC_HDR_VIVID",
        "DOVI_RPU_BUFFER",
        "DOVI_METADATA",
        "AMBIENT_VIEWING_ENVIRONMENT",
    )
)
"""FFmpeg filters that remove all side data about HDR from frames."""


def keeps_hdr(facts: VideoFacts, rung: Rung) -> bool:
    """Whether an HDR source stays HDR in this rung; otherwise it is tone-mapped."""
    return facts.hdr and rung.keep_hdr


def rendition_hdr_metadata(facts: VideoFacts, rung: Rung) -> HdrMetadata:
    """The static HDR metadata of a rung: the source's if the rung keeps HDR, else none."""
    return facts.hdr_metadata if keeps_hdr(facts, rung) else NO_HDR_METADATA


def with_hdr_metadata(stsd: bytes, rung: Rung, metadata: HdrMetadata) -> bytes:
    """The sample table of a rendition with exactly this metadata.

    FFmpeg cannot pass it to encoders of a GPU. Their bitstream gets it from the decoder configuration, whose
    SEI units and OBUs precede the first sample (ISO/IEC 14496-15 section 8.3.3.1; AV1 Codec ISO Media File
    Format Binding, section 2.3).
    """
    if metadata and is_hardware(rung.encoder):
        stsd = _declare(stsd, rung.codec, metadata)
    return with_hdr_boxes(stsd, metadata)


def _declare(stsd: bytes, codec: str, metadata: HdrMetadata) -> bytes:
    if codec == "hevc":
        return with_parameter_sets(stsd, 1, hdr_sei_units(metadata))
    (config,) = (box for box in entry_boxes(stsd) if box.kind == "av1C")
    body = bytes(config.body) + hdr_obus(metadata)
    return with_entry_boxes(stsd, [make_box("av1C", body)], without="av1C".__eq__)
