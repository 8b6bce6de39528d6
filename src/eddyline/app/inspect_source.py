"""Looks that change nothing: at a file, and at this machine."""

from __future__ import annotations

from pathlib import Path

from eddyline.app.tools import find_toolchain
from eddyline.pipeline.runtime.machine_checks import Check, check_machine


def doctor(out: Path) -> tuple[Check, ...]:
    """Whether this machine has what a run needs."""
    return check_machine(out, find_toolchain)
