"""Looks that change nothing: at a file, and at this machine."""

from __future__ import annotations

from pathlib import Path

from eddyline import config
from eddyline.app.shared_services import SharedServices
from eddyline.app.tools import find_toolchain
from eddyline.media.source.source import SourceFacts
from eddyline.pipeline.runtime.machine_checks import Check, check_machine
from eddyline.pipeline.runtime.probe_source import probe_source


def probe(source: str | Path) -> SourceFacts:
    """What one file or object of a store is. Raises the error that a run would give for it."""
    SharedServices(store="", ledger="", queues="", settings=config.read()).configure_sources()
    return probe_source(source, find_toolchain())


def doctor(out: Path) -> tuple[Check, ...]:
    """Whether this machine has what a run needs."""
    return check_machine(out, find_toolchain)
