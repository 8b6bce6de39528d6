"""The static HDR metadata of a source: from its first keyframe, else from its sample entry."""

from __future__ import annotations

from typing import Final

from eddyline.core.errors import EddylineError
from eddyline.media.left_out.report import LeftOut
from eddyline.media.video.hdr_verification import configured_messages
from eddyline.mp4.bitstream.hdr_messages import AMBIENT, HDR10_PLUS, HdrMessages, read_hdr_messages
from eddyline.mp4.boxes import Box
from eddyline.mp4.entries.hdr_boxes import read_hdr_boxes
from eddyline.mp4.entries.visual_entry import entry_boxes

_CODECS: Final = {
    **dict.fromkeys(("avc1", "avc3", "dva1", "dvav"), "h264"),
    **dict.fromkeys(("hvc1", "hev1", "dvh1", "dvhe"), "hevc"),
    **dict.fromkeys(("av01", "dav1"), "av1"),
}
HEAD_BYTES: Final = 64 * 1024
"""The bytes of a keyframe that contain its messages."""
_LENGTH_SIZE_AT: Final = {"avcC": 4, "hvcC": 21}
_WHY: Final = "renditions have static HDR metadata only"
_INVALID: Final = "its values are out of range"


def read_messages(name: str, stsd: bytes, keyframe: bytes) -> HdrMessages:
    """The messages of a video with the sample entry `name`, whose first keyframe begins with `keyframe`.

    What the keyframe lacks is taken from the decoder configuration, and then from the boxes of `stsd`, as in
    FFmpeg.
    """
    length_size = next(
        (_length_size(box) for box in entry_boxes(stsd) if box.kind in _LENGTH_SIZE_AT), len(b"size")
    )
    codec = _CODECS.get(name, "")
    try:
        found = read_hdr_messages(codec, keyframe, length_size)
        configured = configured_messages(stsd, codec)
    except EddylineError:  # damaged; decoding will report it
        found = configured = HdrMessages()
    static = found.static.or_else(configured.static).or_else(read_hdr_boxes(stsd))
    return HdrMessages(static=static, other=found.other | configured.other)


def left_out_hdr(messages: HdrMessages) -> list[LeftOut]:
    """List the HDR metadata that renditions do not have; Dolby Vision is listed by its configuration."""
    found = [
        LeftOut(kind="metadata", what=f"dynamic HDR metadata ({name})", why=_WHY)
        for name in sorted(messages.other & {HDR10_PLUS, AMBIENT})
    ]
    valid = messages.static.valid_part()
    if messages.static != valid:
        found.append(LeftOut(kind="metadata", what="invalid static HDR metadata", why=_INVALID))
    return found


def _length_size(box: Box) -> int:
    at = _LENGTH_SIZE_AT[box.kind]
    return (box.body[at] & 3) + 1 if len(box.body) > at else 4
