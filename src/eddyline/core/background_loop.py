"""Keeps background loops running after an unexpected error in one step.

A loop that watches for the termination of its machine, or extends visibility timeouts, must not end because
of an unexpected error: the process would continue without it, and nothing would show that. Such an error is a
bug; it is logged with its traceback and counted, and the next step runs.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping

_LOG = logging.getLogger("eddyline.loops")
_lock = threading.Lock()
_failures: Counter[str] = Counter()


def keep_running(loop: str, step: Callable[[], object]) -> bool:
    """Run one step of the loop named `loop`; returns False if it raised, which is logged and counted.

    The step handles expected errors itself. `KeyboardInterrupt` and `SystemExit` propagate.
    """
    try:
        step()
    except Exception as error:  # noqa: BLE001 - the loop must continue after any error
        report_error(loop, error)
        return False
    return True


def report_error(loop: str, error: Exception) -> None:
    """Log and count an unexpected error that the loop named `loop` handled itself."""
    with _lock:
        _failures[loop] += 1
    _LOG.error("background loop step failed", extra={"loop": loop}, exc_info=error)


def failure_counts() -> Mapping[str, int]:
    """The number of failed steps of each loop of this process."""
    with _lock:
        return dict(_failures)
