"""Exits the process without freeing every object, which takes a tenth of the time of a short command."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import NoReturn

from eddyline.cli.signals import exit_immediately

_SIGNAL_BASE = 128  # higher exit codes: the command was stopped by a signal
_NOT_WRITTEN = 120  # as Python exits if the rest of the output cannot be written


def exit_quickly(code: int) -> NoReturn:
    """Exit as `sys.exit` does: after the exit functions, with all output written.

    A command that was stopped by a signal exits at once.
    """
    if code > _SIGNAL_BASE:
        exit_immediately(code)
    if any(not each.daemon for each in threading.enumerate() if each is not threading.main_thread()):
        sys.exit(code)  # Python waits for these threads
    atexit._run_exitfuncs()  # noqa: SLF001 - Python has no other
    os._exit(code if _is_written() else code or _NOT_WRITTEN)


def _is_written() -> bool:
    """Whether all output could be written."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # the latter if it is closed
        return False
    return True
