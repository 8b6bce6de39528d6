"""Read-only inspection of a source file and of this machine."""

from __future__ import annotations

from pathlib import Path

from eddyline.app.tools import find_toolchain
from eddyline.pipeline.runtime.machine_checks import Check, check_machine


def doctor(out: Path) -> tuple[Check, ...]:
    """Check this machine for the requirements of a run."""
    return check_machine(out, find_toolchain)
