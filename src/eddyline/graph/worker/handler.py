"""Runs the handler of one job and maps its exceptions to outcomes."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from eddyline.core import errors
from eddyline.core.processes.cpu_meter import CpuMeter
from eddyline.core.stop import Stop
from eddyline.graph.job import Done, Failed, Interrupted, Job, Outcome

_MAX_TRACEBACK = 8 * 1024  # characters, from the end


def _ignore_progress(fraction: float, note: str) -> None:
    """The default for jobs without a listener."""


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """What a handler receives besides its job.

    `stop` is requested when the job is cancelled or revoked, or when the worker shuts down: the handler then
    raises `core.errors.Interrupted` within about a second. `attempt` is 1 for the first. `cpu` measures the
    job; a handler that runs programs passes it to their runner.
    """

    attempt: int
    stop: Stop = field(default_factory=Stop)
    on_progress: Callable[[float, str], None] = _ignore_progress
    cpu: CpuMeter = field(default_factory=CpuMeter)

    def progress(self, fraction: float, note: str = "") -> None:
        """Report the fraction that is done (0 to 1) and a note on the current operation."""
        self.on_progress(min(max(fraction, 0.0), 1.0), note)


Handler: TypeAlias = Callable[[Job, JobContext], Done]


def run_handler(handler: Handler | None, job: Job, context: JobContext) -> Outcome:
    """Run a handler and return the job's outcome; never raises."""
    if handler is None:
        return Failed(error=_no_handler(job), retry=False)
    try:
        outcome: object = handler(job, context)
    except BaseException as error:  # noqa: BLE001 - a bug in a handler must not end the worker's slot
        return outcome_of_error(error)
    if isinstance(outcome, Done):
        return outcome
    message = f"the handler of {job.kind} returned {type(outcome).__name__}, not Done"
    return Failed(error={"error": "TypeError", "message": message, "remedy": _REPORT}, retry=False)


def outcome_of_error(error: BaseException) -> Outcome:
    """The outcome of a job whose handler raised `error`."""
    match error:
        case errors.Interrupted():
            return Interrupted()
        case errors.EddylineError():
            return Failed(error=error.evidence(), retry=error.retry)
        case MemoryError() | OSError():
            return Failed(error=_resource_evidence(error), retry=True)
        case _:
            return Failed(error=_bug_evidence(error), retry=True)


_REPORT = "report it: this is a bug in Eddyline"


def _no_handler(job: Job) -> dict[str, object]:
    return {
        "error": "NoHandler",
        "message": f"this worker has no handler for jobs of kind {job.kind}",
        "remedy": "use the version of Eddyline that planned the job, then retry it",
    }


def _resource_evidence(error: MemoryError | OSError) -> dict[str, object]:
    evidence: dict[str, object] = {"error": type(error).__name__, "message": str(error) or "out of memory"}
    evidence["remedy"] = "free some memory or use fewer slots"
    if isinstance(error, OSError):
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        evidence["errno"] = errno.errorcode.get(error.errno or 0, "")
        evidence["path"] = str(error.filename or "")
        evidence["remedy"] = "free some disk space" if full else "check that the path is accessible"
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
    return "".join(traceback.format_exception(error))[-_MAX_TRACEBACK:]
