"""What can be wrong with telemetry: one error for strict readers, one warning for lenient ones."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.core.errors import FormatError, UnsupportedError


class GpmfError(FormatError):
    """Bytes that break GPMF's rules, at a known place.

    `path` names the enclosing KLVs ("payload[3]/DEVC[0]/STRM[2]/ACCL"), `offset` is in bytes from the
    source's start.
    """

    default_remedy = "read it with lenient=True to keep what is sound"


class NoTelemetryError(UnsupportedError):
    """A sound file that carries no GPMF."""

    default_remedy = "give a GoPro MP4, MOV, LRV, .360 or JPEG, or a file of raw GPMF payloads"


@dataclass(frozen=True, kw_only=True)
class ParseWarning:
    """Something that a lenient reader stepped over: what, where (path), at which byte (-1: no one place)."""

    message: str
    path: str = ""
    offset: int = -1

    def __str__(self) -> str:
        at = f" at byte {self.offset}" if self.offset >= 0 else ""
        return f"{self.path}{at}: {self.message}" if self.path or at else self.message


class WarningCollector:
    """Decides what a flaw does: raises GpmfError when strict, is collected when lenient.

    A hostile file can hold a flaw every few bytes, so that only the first `most` are kept.
    """

    def __init__(self, *, lenient: bool = False, most: int = 200) -> None:
        self.lenient = lenient
        self.warnings: list[ParseWarning] = []
        self._most = most

    def error(self, message: str, *, path: str = "", offset: int = -1) -> None:
        """Bytes that break the format."""
        if not self.lenient:
            raise GpmfError(message, path=path, offset=None if offset < 0 else offset)
        self.warn(message, path=path, offset=offset)

    def warn(self, message: str, *, path: str = "", offset: int = -1) -> None:
        """Something odd that costs nothing: never raises."""
        if len(self.warnings) < self._most:
            self.warnings.append(ParseWarning(message=message, path=path, offset=offset))
        elif len(self.warnings) == self._most:
            self.warnings.append(
                ParseWarning(message=f"more than {self._most} flaws: the others are not listed")
            )
