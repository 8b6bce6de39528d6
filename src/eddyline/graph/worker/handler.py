"""Running one job's handler, and what its exceptions mean."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from eddyline.core import errors
from eddyline.core.stop import Stop
from eddyline.graph.job import Done, Failed, Interrupted, Job, Outcome

_TRACE_KEPT = 8 * 1024


def _no_progress(fraction: float, note: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """What a handler gets besides its job.

    `stop` is raised when the job is cancelled, given up for lost, or the worker shuts down: the handler
    raises `core.errors.Interrupted` soon after. `attempt` is 1 for the first.
    """

    attempt: int
    stop: Stop = field(default_factory=Stop)
    tell: Callable[[float, str], None] = _no_progress

    def progress(self, fraction: float, note: str = "") -> None:
        """Say how much is done (0 to 1), and what is going on."""
        self.tell(min(max(fraction, 0.0), 1.0), note)


Handler: TypeAlias = Callable[[Job, JobContext], Done]


def run_handler(handler: Handler | None, job: Job, context: JobContext) -> Outcome:
    """Run a handler to its outcome; never raises."""
    if handler is None:
        return Failed(error=_no_handler(job), retry=False)
    try:
        outcome: object = handler(job, context)
    except BaseException as error:  # noqa: BLE001 - a handler's bug must not take the worker's slot along
        return outcome_of_error(error)
    if isinstance(outcome, Done):
        return outcome
    message = f"the handler of {job.kind} returned {type(outcome).__name__}, not Done"
    return Failed(error={"error": "TypeError", "message": message, "remedy": _REPORT}, retry=False)


def outcome_of_error(error: BaseException) -> Outcome:
    """What an exception means for its job."""
    match error:
        case errors.Interrupted():
            return Interrupted()
        case errors.EddylineError():
            return Failed(error=error.evidence(), retry=error.retry)
        case MemoryError() | OSError():
            return Failed(error=_resource_evidence(error), retry=True)
        case _:
            return Failed(error=_bug_evidence(error), retry=True)


_REPORT = "report it: this is a bug in eddyline"


def _no_handler(job: Job) -> dict[str, object]:
    return {
        "error": "NoHandler",
        "message": f"this worker has no handler for jobs of kind {job.kind}",
        "remedy": "use the version of eddyline that planned the job, then retry it",
    }


def _resource_evidence(error: MemoryError | OSError) -> dict[str, object]:
    evidence: dict[str, object] = {"error": type(error).__name__, "message": str(error) or "out of memory"}
    evidence["remedy"] = "free some memory or use fewer slots"
    if isinstance(error, OSError):
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        evidence["errno"] = errno.errorcode.get(error.errno or 0, "")
        evidence["path"] = str(error.filename or "")
        evidence["remedy"] = "free some disk space" if full else "see that the path can be reached"
    evidence["traceback"] = _trace(error)
    return evidence


def _bug_evidence(error: BaseException) -> dict[str, object]:
    return {
        "error": type(error).__name__,
        "message": str(error) or type(error).__name__,
        "remedy": _REPORT,
        "traceback": _trace(error),
    }


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-_TRACE_KEPT:]
