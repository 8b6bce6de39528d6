"""Verifies that a rendition has the static HDR metadata of its rung, and no other HDR metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eddyline.core.errors import ProofError
from eddyline.media.video.parameter_sets import read_parameter_sets
from eddyline.mp4.bitstream.hdr_messages import HdrMessages, read_hdr_messages, read_hdr_units
from eddyline.mp4.bitstream.hdr_metadata import HdrMetadata
from eddyline.mp4.entries.hdr_boxes import read_hdr_boxes
from eddyline.mp4.entries.visual_entry import entry_boxes

KEYFRAME_HEAD: Final = 16 * 1024
"""The bytes of an encoded keyframe that contain its messages."""
_AV1_FIELDS: Final = 4  # of av1C before its OBUs


def verify_hdr_metadata(
    name: str, codec: str, stsd: bytes, keyframes: Iterable[bytes], expected: HdrMetadata
) -> None:
    """Raise `ProofError` unless boxes and bitstream have exactly the `expected` metadata.

    `keyframes` are the first `KEYFRAME_HEAD` bytes of all keyframes. Each of them, or the decoder
    configuration, has it. AV1 rounds luminances.
    """
    if read_hdr_boxes(stsd) != expected:
        raise ProofError(f"{name}: the sample entry does not have the HDR metadata {expected}")
    declared, coded = (
        configured_messages(stsd, codec),
        expected.as_fixed_point() if codec == "av1" else expected,
    )
    if declared.other or declared.static.or_else(coded) != coded:
        raise ProofError(f"{name}: the decoder configuration has the HDR metadata {declared}")
    for number, head in enumerate(keyframes):
        found = read_hdr_messages(codec, head)
        if found.other or found.static.or_else(declared.static) != coded:
            raise ProofError(
                f"{name}: keyframe {number} does not have the HDR metadata {expected}, but {found}"
            )


def configured_messages(stsd: bytes, codec: str) -> HdrMessages:
    """The messages in the decoder configuration of a sample entry; avcC cannot have any.

    Raises `InputError` if hvcC is cut.
    """
    if codec == "hevc":
        return read_hdr_units(codec, read_parameter_sets(stsd).units)
    config = next((bytes(box.body) for box in entry_boxes(stsd) if box.kind == "av1C"), b"")
    return read_hdr_messages(codec, config[_AV1_FIELDS:])
