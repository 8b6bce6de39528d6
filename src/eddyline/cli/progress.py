"""A run as people watch it: what is known of each asset, however it is shown."""

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
    """What shows the events of a run; safe to call from any thread."""

    def show(self, event: Event) -> None:
        """Take note of one event."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was found."""
        ...


def on_terminal(console: Console) -> bool:
    """Whether bars that redraw themselves can be shown (a real terminal that can move its cursor)."""
    return sys.stdout.isatty() and not console.is_dumb_terminal


@dataclass(kw_only=True)
class Row:
    """The latest about one asset; `fraction` never runs back, whatever is redone."""

    progress: AssetProgress
    fraction: float
    at: float

    def eta_s(self, now: float) -> float | None:
        """Seconds left, counted down between two events; None if not known."""
        eta = self.progress.eta_s
        return None if eta is None else max(eta - (now - self.at), 0.0)


class Rows:
    """The assets that are being worked on, in the order they began."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._through: set[str] = set()

    def note(self, event: AssetProgress) -> Row | None:
        """Keep what `event` says; returns the row as it now is, None for an asset that is through already."""
        if asset_key(event) in self._through:
            return None
        before = self._rows.get(asset_key(event))
        fraction = min(max(event.fraction, before.fraction if before else 0.0), 1.0)
        row = Row(progress=event, fraction=fraction, at=self._clock())
        self._rows[asset_key(event)] = row
        return row

    def drop(self, event: AssetFinished | AssetFailed) -> None:
        """Forget an asset that is through, and whatever is still said about it."""
        self._through.add(asset_key(event))
        self._rows.pop(asset_key(event), None)

    def current(self) -> list[Row]:
        """All rows, oldest first."""
        return list(self._rows.values())


def asset_key(event: AssetProgress | AssetFinished | AssetFailed) -> str:
    """What tells the assets of a run apart: the asset's id, or the name of footage that has none yet."""
    return event.asset or event.name


def format_percent(fraction: float) -> str:
    """Whole percent, rounded down: 100% means done."""
    return f"{int(fraction * 100)}%"


def submit_line(event: SubmitProgress) -> str:
    """One line about the recording that is being submitted."""
    of = f" ({format_size(event.bytes)})" if event.bytes else ""
    return f"submitting: {event.done:,} of {event.total:,} done, next {printable(event.name)}{of}"


def outcome_line(event: AssetFinished | AssetFailed | SourceSkipped | UnservedPool) -> Text:
    """One line about how something ended, or why it does not begin."""
    if isinstance(event, UnservedPool):
        return Text.assemble(("! ", "bold yellow"), printable(describe_unserved(event)))
    if isinstance(event, AssetFinished):
        how = "already there, nothing to do" if event.reused else "done"
        return Text.assemble(("✓ ", "green"), printable(event.name), (f"  {how}", "dim"))
    if isinstance(event, AssetFailed):
        return Text.assemble(
            ("✗ ", "bold red"), printable(event.name), ("  failed: ", "red"), printable(event.reason)
        )
    return Text.assemble(("- ", "dim"), (f"{printable(event.path)}  skipped: {event.reason}", "dim"))
