"""Background loops that outlive any error of one of their steps.

A loop that watches for the end of its machine, or keeps jobs hidden from other workers, must not end because
one step met something unforeseen: the process would go on without it and nothing would show that. Such an
error is a bug; it is logged with its traceback, counted, and the next step runs.
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
    """Run one step of the loop named `loop`; False: it raised, which is logged and counted.

    Errors that a loop expects are handled by the step itself. `KeyboardInterrupt` and `SystemExit` pass.
    """
    try:
        step()
    except Exception as error:  # noqa: BLE001 - whatever it is, the loop must go on
        report_error(loop, error)
        return False
    return True


def report_error(loop: str, error: Exception) -> None:
    """Log and count an unexpected error that the loop named `loop` survived by itself."""
    with _lock:
        _failures[loop] += 1
    _LOG.error("an unexpected error in the loop %s; it goes on", loop, exc_info=error)


def failure_counts() -> Mapping[str, int]:
    """How many steps of each loop of this process have raised."""
    with _lock:
        return dict(_failures)
