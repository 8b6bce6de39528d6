"""Child processes that end with the process that started them, even if that is killed."""

from __future__ import annotations

import ctypes
import signal
import sys

_PDEATHSIG = 1


def end_with_parent() -> None:
    """For `preexec_fn`: killed when the parent dies."""
    _signalled(signal.SIGKILL)


def quit_with_parent() -> None:
    """For `preexec_fn`: gets SIGQUIT when the parent dies; PostgreSQL then ends its own children as well."""
    _signalled(signal.SIGQUIT)


def _signalled(number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, number)
