"""What can be wrong with an MP4, each with its own remedy.

FormatError
└── Mp4Error                   bytes that break the rules of ISO/IEC 14496-12, at a known place
    ├── NotMp4Error            another kind of file: `looks_like` says which
    ├── EmptyFileError         no bytes at all
    ├── MoovMissingError       the index was never written: an interrupted recording
    └── LimitError             sizes or counts beyond what any camera writes

A file that ends before its boxes or samples do is a `TruncatedError` of core.
"""

from __future__ import annotations

from typing import Any

from eddyline.core.errors import FormatError


class Mp4Error(FormatError):
    """Bytes that break the rules of ISO/IEC 14496-12, at a known place."""

    default_remedy = "the file is damaged: copy it from the card or camera again"
    default_reason = "damaged"


class NotMp4Error(Mp4Error):
    """Another kind of file; `looks_like` names it ("Matroska or WebM", "text", "" if unknown)."""

    default_remedy = "give an MP4 or MOV file, or one that FFmpeg can rewrap as MP4"
    default_reason = "not-video"

    def __init__(self, message: str, *, looks_like: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.looks_like = looks_like

    def evidence(self) -> dict[str, Any]:
        """What it looks like as well."""
        return {**super().evidence(), "looks_like": self.looks_like}


class EmptyFileError(Mp4Error):
    """No bytes at all."""

    default_remedy = "copy the file again; an empty file on the card itself is a recording that never began"
    default_reason = "empty"


class MoovMissingError(Mp4Error):
    """The media is there, but its index (moov) was never written: an interrupted recording."""

    default_remedy = (
        "put the card back into the camera and let it repair the file,"
        " or rebuild the index with a repair tool and a sound file of the same camera and settings"
    )
    default_reason = "no-index"


class LimitError(Mp4Error):
    """Sizes or counts beyond what any camera writes, refused before memory is taken for them."""

    default_remedy = "the file is damaged or made to harm: do not process it"
    default_reason = "limits"
