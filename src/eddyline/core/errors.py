"""The exception hierarchy of Eddyline.

    EddylineError                 message (what is wrong) and remedy (what to do next)
    ├── UsageError                the command, the profile or a setting is invalid        exit 2
    ├── InputError                the source file is invalid: a retry fails again
    │   └── FormatError           ... at a known position: path (box or key) and byte offset
    │       └── TruncatedError    the file ends before its contents do
    ├── UnsupportedError          a valid source that Eddyline does not support
    ├── TransientError            a retry may succeed: disk, memory, network
    │   └── MissingError          a file or object does not exist (any more)
    ├── ToolError                 FFmpeg or the packager failed; keeps argv, status, end of stderr
    ├── ProofError                a result is not exact: nothing is published
    └── Interrupted               an outcome, not a failure: a stop was requested, spends no attempt

Packages above add their own subclasses (`mp4.Mp4Error`, `gpmf.GpmfError`).
"""

from __future__ import annotations

from typing import Any, ClassVar

# Messages that indicate a fault of the machine, not of the input (strerror(3) of ENOSPC, ENOMEM, ...).
# FFmpeg prints the last one of the first tuple when it cannot create a thread.
OUT_OF_MEMORY = ("Cannot allocate memory", "bad_alloc", "failed to map segment", "error code: -11 (Resource")
_MACHINE_FAULTS = (
    *OUT_OF_MEMORY,
    "No space left",
    "Disk quota exceeded",
    "Input/output error",
    "Too many open files",
)


class EddylineError(Exception):
    """The base class of all errors.

    `retry`: whether the same work may succeed later. `evidence()` is stored with a quarantined job.
    `reason` is a stable identifier for programs, such as "encrypted", of a rejected source; empty for
    other errors. `eddyline.media.rejections` lists all reasons.
    """

    retry: ClassVar[bool] = False
    default_remedy: ClassVar[str] = ""
    default_reason: ClassVar[str] = ""

    def __init__(self, message: str, *, remedy: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy or self.default_remedy
        self.reason = reason or self.default_reason

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message

    def evidence(self) -> dict[str, Any]:
        """The details of the failure, as JSON values."""
        reason = {"reason": self.reason} if self.reason else {}
        return {"error": type(self).__name__, "message": self.message, "remedy": self.remedy, **reason}


class UsageError(EddylineError):
    """The command line, a profile or a setting is invalid."""


class InputError(EddylineError):
    """The source file is invalid; a retry fails again."""


class FormatError(InputError):
    """Bytes that violate their format, at a known position.

    `path` names the enclosing structures ("moov/trak[1]/mdia"), `offset` is in bytes from the file start.
    """

    def __init__(
        self, message: str, *, path: str = "", offset: int | None = None, remedy: str = "", reason: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy, reason=reason)
        self.path = path
        self.offset = offset

    def __str__(self) -> str:
        where = f"{self.path} at byte {self.offset}".lstrip() if self.offset is not None else self.path
        return f"{where}: {super().__str__()}" if where else super().__str__()

    def evidence(self) -> dict[str, Any]:
        """The details, with the position."""
        return {**super().evidence(), "path": self.path, "offset": self.offset}


class TruncatedError(FormatError):
    """The file or object ends before its contents do."""

    default_reason = "truncated"
    default_remedy = "the copy is incomplete: copy the file again and compare its size with the original"


class UnsupportedError(EddylineError):
    """A valid source that uses a feature Eddyline does not support."""


class TransientError(EddylineError):
    """A failure of the environment (disk, memory, network); a retry may succeed."""

    retry = True


class MissingError(TransientError):
    """A file or object does not exist, or no longer exists."""

    default_remedy = "restore it, then run the same command again"


class ToolError(EddylineError):
    """An external program failed.

    `argv` is the whole command, `status` its exit status (negative: the signal that ended it),
    `stderr` the end of its standard error. A program that was killed or timed out may be retried.
    """

    retry = True

    def __init__(
        self, message: str, *, argv: tuple[str, ...], status: int | None, stderr: str = "", remedy: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.argv = argv
        self.status = status
        self.stderr = stderr

    @property
    def is_machine_fault(self) -> bool:
        """Whether the machine caused the failure (signal, limit, no memory or disk), not the input."""
        stopped = self.status is None or self.status < 0 or " was stopped: " in self.message
        return stopped or any(text in self.stderr for text in _MACHINE_FAULTS)

    def evidence(self) -> dict[str, Any]:
        """The details, with the command and its standard error."""
        return {**super().evidence(), "argv": list(self.argv), "status": self.status, "stderr": self.stderr}


class ProofError(EddylineError):
    """A check found that a result is not exact; it is not published."""

    default_remedy = "keep the source and report a bug: an asset that fails a check is not published"


class Interrupted(EddylineError):  # noqa: N818 - an outcome, not an error, so it is not named one
    """A stop was requested; the job is handed back and spends no attempt."""

    retry = True
