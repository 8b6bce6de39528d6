"""Looks that change nothing: at a file, and at this machine."""

from __future__ import annotations

from pathlib import Path

from eddyline.app.tools import toolchain
from eddyline.media.source import SourceFacts
from eddyline.pipeline.checks import Check, examine
from eddyline.pipeline.look import look


def probe(path: Path) -> SourceFacts:
    """What one file is. Raises the error that a run would give for it."""
    return look(path, toolchain())


def doctor(out: Path) -> tuple[Check, ...]:
    """Whether this machine has what a run needs."""
    return examine(out, toolchain)
