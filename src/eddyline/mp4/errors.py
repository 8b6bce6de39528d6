"""The errors of the MP4 library, each with its own remedy.

FormatError
└── Mp4Error                   bytes that violate ISO/IEC 14496-12, at a known position
    ├── NotMp4Error            another file format: `looks_like` names it
    ├── EmptyFileError         zero bytes
    ├── MoovMissingError       the index was never written: an interrupted recording
    └── LimitError             sizes or counts beyond what any camera writes

A file that ends before its boxes or samples do raises `TruncatedError` of `core.errors`.
"""

from __future__ import annotations

from typing import Any

from eddyline.core.errors import FormatError


class Mp4Error(FormatError):
    """Bytes that violate ISO/IEC 14496-12, at a known position."""

    default_remedy = "the file is damaged: copy it from the card or camera again"
    default_reason = "damaged"


class NotMp4Error(Mp4Error):
    """Another file format; `looks_like` names it ("Matroska or WebM", "text"; "" if unknown)."""

    default_remedy = "pass an MP4 or MOV file, or one that FFmpeg can remux to MP4"
    default_reason = "not-video"

    def __init__(self, message: str, *, looks_like: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.looks_like = looks_like

    def evidence(self) -> dict[str, Any]:
        """The evidence with `looks_like`."""
        return {**super().evidence(), "looks_like": self.looks_like}


class EmptyFileError(Mp4Error):
    """The file has zero bytes."""

    default_remedy = "copy the file again; if it is empty on the card too, the camera recorded nothing"
    default_reason = "empty"


class MoovMissingError(Mp4Error):
    """The media is present, but its index (moov) was never written: an interrupted recording."""

    default_remedy = (
        "put the card back into the camera and let it repair the file,"
        " or rebuild the index with a repair tool and an intact file of the same camera and settings"
    )
    default_reason = "no-index"


class LimitError(Mp4Error):
    """Sizes or counts beyond what any camera writes, rejected before memory is allocated."""

    default_remedy = "the file is damaged or malicious: do not process it"
    default_reason = "limits"
