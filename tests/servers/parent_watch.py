"""Child processes that end with the process that started them, even if that is killed."""

from __future__ import annotations

import ctypes
import signal
import sys

_PDEATHSIG = 1


def end_with_parent() -> None:
    """For `preexec_fn`: the child is killed when its parent dies."""
    _set_death_signal(signal.SIGKILL)


def quit_with_parent() -> None:
    """For `preexec_fn`: the child gets SIGQUIT when its parent dies; PostgreSQL then ends its children."""
    _set_death_signal(signal.SIGQUIT)


def _set_death_signal(number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, number)
