"""Errors and warnings about telemetry: an error for strict readers, a warning for lenient ones."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.core.errors import FormatError, UnsupportedError


class GpmfError(FormatError):
    """Bytes that violate the GPMF format, at a known position.

    `path` names the enclosing KLVs ("payload[3]/DEVC[0]/STRM[2]/ACCL"), `offset` is in bytes from the start
    of the source.
    """

    default_remedy = "read it with lenient=True to keep the valid parts"


class NoTelemetryError(UnsupportedError):
    """A valid file without GPMF."""

    default_remedy = "pass a GoPro MP4, MOV, LRV, .360 or JPEG, or a file of raw GPMF payloads"


@dataclass(frozen=True, kw_only=True)
class ParseWarning:
    """A defect that a lenient reader skipped: message, path and byte offset (-1: no single position)."""

    message: str
    path: str = ""
    offset: int = -1

    def __str__(self) -> str:
        at = f" at byte {self.offset}" if self.offset >= 0 else ""
        return f"{self.path}{at}: {self.message}" if self.path or at else self.message


class WarningCollector:
    """Handles defects: raises `GpmfError` if strict, collects a warning if lenient.

    A hostile file can have a defect every few bytes, so only the first `limit` warnings are kept.
    """

    def __init__(self, *, lenient: bool = False, limit: int = 200) -> None:
        self.lenient = lenient
        self.warnings: list[ParseWarning] = []
        self._limit = limit

    def error(self, message: str, *, path: str = "", offset: int = -1) -> None:
        """Report bytes that violate the format."""
        if not self.lenient:
            raise GpmfError(message, path=path, offset=None if offset < 0 else offset)
        self.warn(message, path=path, offset=offset)

    def warn(self, message: str, *, path: str = "", offset: int = -1) -> None:
        """Record an oddity that loses no data; never raises."""
        if len(self.warnings) < self._limit:
            self.warnings.append(ParseWarning(message=message, path=path, offset=offset))
        elif len(self.warnings) == self._limit:
            self.warnings.append(
                ParseWarning(message=f"more than {self._limit} warnings: the others are not listed")
            )
