"""Every error that Eddyline raises on purpose.

    EddylineError                 message (what is wrong) and remedy (what to do next)
    ├── UsageError                the command, the profile or a setting is wrong          exit 2
    ├── InputError                the footage itself is bad: trying again cannot help
    │   └── FormatError           ... at a known place: path (box or key) and byte offset
    │       └── TruncatedError    it ends before what it holds does
    ├── UnsupportedError          sound footage that Eddyline cannot handle (yet)
    ├── TransientError            may well succeed if tried again: disk, memory, network
    │   └── MissingError          a file or object that was there has vanished
    ├── ToolError                 FFmpeg or the packager failed; keeps argv, status, end of stderr
    ├── ProofError                a result is not exact: nothing is published
    └── Interrupted               an outcome, not a failure: told to stop, spends no attempt

Rooms above add their own leaves (`mp4.Mp4Error`, `gpmf.GpmfError`), always below one of these.
"""

from __future__ import annotations

from typing import Any, ClassVar

# What programs print when the machine, not their input, is at fault (strerror(3) of ENOSPC, ENOMEM, ...).
# The last of the first line is FFmpeg's where a thread cannot be created.
OUT_OF_MEMORY = ("Cannot allocate memory", "bad_alloc", "failed to map segment", "error code: -11 (Resource")
_MACHINE_FAULTS = (
    *OUT_OF_MEMORY,
    "No space left",
    "Disk quota exceeded",
    "Input/output error",
    "Too many open files",
)


class EddylineError(Exception):
    """The root of the tree.

    `retry` says whether the same work may succeed later. `evidence()` is what a quarantined job keeps.
    `reason` is a stable identifier for programs, such as "encrypted", of a source that is refused; empty for
    errors that do not refuse a source. All reasons are listed in `eddyline.media.rejections`.
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
        """Everything worth keeping about the failure, as JSON values."""
        reason = {"reason": self.reason} if self.reason else {}
        return {"error": type(self).__name__, "message": self.message, "remedy": self.remedy, **reason}


class UsageError(EddylineError):
    """The command line, a profile or a setting is wrong."""


class InputError(EddylineError):
    """The footage is bad; the same bytes will fail again."""


class FormatError(InputError):
    """Bytes that break their format's rules, at a known place.

    `path` names the enclosing structures ("moov/trak[1]/mdia"), `offset` is in bytes from the file's start.
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
        """The place as well."""
        return {**super().evidence(), "path": self.path, "offset": self.offset}


class TruncatedError(FormatError):
    """The file or object ends before what it holds does."""

    default_reason = "truncated"
    default_remedy = "the copy was cut short: copy the file again and compare its size with the original's"


class UnsupportedError(EddylineError):
    """Sound footage that uses something Eddyline does not handle."""


class TransientError(EddylineError):
    """The world got in the way; trying again may help."""

    retry = True


class MissingError(TransientError):
    """A file or object that was there has vanished."""

    default_remedy = "put it back where it was, then run the same command again"


class ToolError(EddylineError):
    """An external program failed.

    `argv` is the whole command, `status` its exit status (negative: the signal that ended it),
    `stderr` the end of what it said. A program that was killed or timed out may be tried again.
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
        """Whether the machine ended the program (a signal, a limit, no memory or disk), not its input."""
        stopped = self.status is None or self.status < 0 or " was stopped: " in self.message
        return stopped or any(sign in self.stderr for sign in _MACHINE_FAULTS)

    def evidence(self) -> dict[str, Any]:
        """The command and what it said as well."""
        return {**super().evidence(), "argv": list(self.argv), "status": self.status, "stderr": self.stderr}


class ProofError(EddylineError):
    """A result that was checked and found not to be exact; it is never published."""

    default_remedy = "keep the source and report it: Eddyline fails closed rather than publish a wrong asset"


class Interrupted(EddylineError):  # noqa: N818 - an outcome, not an error, so it is not named one
    """Told to stop; the work is handed back and spends no attempt."""

    retry = True
