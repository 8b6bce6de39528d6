"""The progress of a run, as displayed to users."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.text import Text

from eddyline.core.formatting import format_size, printable
from eddyline.fleet.pool_coverage import UnservedPool, describe_unserved
from eddyline.pipeline.runs.events import (
    AssetFailed,
    AssetFinished,
    AssetProgress,
    Event,
    SourceSkipped,
    SubmitProgress,
)

Clock = Callable[[], float]


class Display(Protocol):
    """Displays the events of a run; safe to call from any thread."""

    def show(self, event: Event) -> None:
        """Display an event."""
        ...

    def close(self) -> None:
        """Restore the terminal."""
        ...


def on_terminal(console: Console) -> bool:
    """Whether standard output is a terminal that can move its cursor, as progress bars require."""
    return sys.stdout.isatty() and not console.is_dumb_terminal


@dataclass(kw_only=True)
class Row:
    """The latest state of one asset; `fraction` never decreases, even if work is redone."""

    progress: AssetProgress
    fraction: float
    at: float

    def eta_s(self, now: float) -> float | None:
        """The remaining seconds, counted down between two events; None if unknown."""
        eta = self.progress.eta_s
        return None if eta is None else max(eta - (now - self.at), 0.0)


class Rows:
    """The assets in progress, in the order of their start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._ended: set[str] = set()

    def update(self, event: AssetProgress) -> Row | None:
        """Record `event`; returns the updated row, or None for an asset that has ended."""
        if asset_key(event) in self._ended:
            return None
        before = self._rows.get(asset_key(event))
        fraction = min(max(event.fraction, before.fraction if before else 0.0), 1.0)
        row = Row(progress=event, fraction=fraction, at=self._clock())
        self._rows[asset_key(event)] = row
        return row

    def drop(self, event: AssetFinished | AssetFailed) -> None:
        """Remove an asset that has ended, and ignore later events of it."""
        self._ended.add(asset_key(event))
        self._rows.pop(asset_key(event), None)

    def current(self) -> list[Row]:
        """All rows, oldest first."""
        return list(self._rows.values())


def asset_key(event: AssetProgress | AssetFinished | AssetFailed) -> str:
    """Identifies an asset in a run: its id, or the name of a source without an id yet."""
    return event.asset or event.name


def format_percent(fraction: float) -> str:
    """Whole percent, rounded down, so that 100% means done."""
    return f"{int(fraction * 100)}%"


def submit_line(event: SubmitProgress) -> str:
    """A line about the recording being submitted."""
    of = f" ({format_size(event.bytes)})" if event.bytes else ""
    return f"submitting: {event.done:,} of {event.total:,} done, next {printable(event.name)}{of}"


def outcome_line(event: AssetFinished | AssetFailed | SourceSkipped | UnservedPool) -> Text:
    """A line about the outcome of a source, or a pool without workers."""
    if isinstance(event, UnservedPool):
        return Text.assemble(("! ", "bold yellow"), printable(describe_unserved(event)))
    if isinstance(event, AssetFinished):
        how = "already processed" if event.reused else "done"
        return Text.assemble(("✓ ", "green"), printable(event.name), (f"  {how}", "dim"))
    if isinstance(event, AssetFailed):
        return Text.assemble(
            ("✗ ", "bold red"), printable(event.name), ("  failed: ", "red"), printable(event.reason)
        )
    return Text.assemble(("- ", "dim"), (f"{printable(event.path)}  skipped: {event.reason}", "dim"))
