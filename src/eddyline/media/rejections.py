"""The stable identifiers of rejection reasons, for programs that read `run --json` or job evidence.

An `EddylineError` that rejects a source has one of them as its `reason`. Lower packages use the same strings
as literals; a test checks that every reason used in the code is in the table.
"""

from __future__ import annotations

from typing import Final

REASONS: Final[dict[str, str]] = {
    "audio-only": "The file holds audio and no video.",
    "changed": "The source changed after it was submitted.",
    "compressed-index": "The index (moov) is compressed (cmov).",
    "clean-aperture": "The clean aperture is outside the frame.",
    "color-matrix": "FFmpeg cannot convert the color matrix of the video.",
    "crop": "The profile's crop leaves too little of the frame.",
    "damaged": "The file violates its format, or its video cannot be decoded.",
    "damaged-frames": "The decoder returned fewer frames than the index lists.",
    "dolby-vision": "The video is Dolby Vision without a base layer that other decoders can show.",
    "dolby-vision-profile-5": "The video is Dolby Vision profile 5, which has no such base layer.",
    "eac-frames": "The two video tracks of a 360-degree recording (.360) do not show the same frames.",
    "eac-layout": "The two video tracks of a 360-degree recording (.360) have an unknown size.",
    "edit-list": "The edit list changes the speed, repeats media or reorders it.",
    "empty": "The file is empty.",
    "encrypted": "The video or audio samples are encrypted (DRM).",
    "external-media": "The samples are in another file (external data references).",
    "frame-times": "Several frames have the same presentation time.",
    "limits": "A size or count in the file exceeds what Eddyline accepts.",
    "mixed-formats": "The samples of the video track have several formats.",
    "no-frames": "The video track has no frame, or its edit list shows none.",
    "no-index": "The index (moov) is missing: the recording was interrupted, or the file has only fragments.",
    "no-progress": "FFmpeg reads the file without finding any further packet.",
    "no-video": "The file has no video track.",
    "not-video": "The file is not a video container that Eddyline reads.",
    "path": "The path of the file is not Unicode.",
    "pixel-aspect": "The pixel aspect ratio of the video is above 10:1 or below 1:10.",
    "playlist": "The file is a playlist or a link to media elsewhere.",
    "reframe": "The profile asks for a flat view of spherical video of which none can be shown.",
    "still-image": "The file is a still image.",
    "stream-segment": "The file is one segment of a stream, without its initialization segment.",
    "too-large": "The frame is larger than Eddyline or the encoder accepts.",
    "too-long": "The video is longer than the profile allows, or too long for the profile's largest file.",
    "too-small": "The frame is smaller than the encoder accepts.",
    "truncated": "The file ends before its boxes or samples do.",
    "unsupported-audio": "An audio track cannot be decoded or kept.",
    "unsupported-video": "FFmpeg has no decoder for the video, or no intermediate container can hold it.",
    "variable-rate": "The selected hardware encoder cannot encode a variable frame rate.",
    "zeros": "The file has zeros instead of a header.",
}


def markdown_table() -> str:
    """Return the table as Markdown, for the documentation."""
    rows = [f"| `{reason}` | {sentence} |" for reason, sentence in sorted(REASONS.items())]
    return "\n".join(["| reason | meaning |", "|---|---|", *rows]) + "\n"
