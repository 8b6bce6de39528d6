"""A run as people watch it: live bars on a terminal, plain lines elsewhere, JSON for programs."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from eddyline.pipeline.events import (
    AssetFailed,
    AssetFinished,
    AssetProgress,
    AssetSubmitted,
    Event,
    SourceSkipped,
)
from eddyline.pipeline.words import count, duration, shown

LINE_EVERY_S = 5.0
_FRAMES_A_SECOND = 8
_NARROW, _WIDE = 70, 100  # columns of the terminal at which the board drops or gains detail
_ROOM_BELOW = 2
_MARGIN = 4  # where the terminal writes ^C: at the very edge it would break the line and spoil the redraw
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
        if _key(event) in self._through:
            return None
        before = self._rows.get(_key(event))
        fraction = min(max(event.fraction, before.fraction if before else 0.0), 1.0)
        row = Row(progress=event, fraction=fraction, at=self._clock())
        self._rows[_key(event)] = row
        return row

    def drop(self, event: AssetFinished | AssetFailed) -> None:
        """Forget an asset that is through, and whatever is still said about it."""
        self._through.add(_key(event))
        self._rows.pop(_key(event), None)

    def current(self) -> list[Row]:
        """All rows, oldest first."""
        return list(self._rows.values())


def _key(event: AssetProgress | AssetFinished | AssetFailed) -> str:
    return event.asset or event.name


def percent(fraction: float) -> str:
    """Whole percent, rounded down: 100% means done."""
    return f"{int(fraction * 100)}%"


def outcome(event: AssetFinished | AssetFailed | SourceSkipped) -> Text:
    """One line about how something ended."""
    if isinstance(event, AssetFinished):
        how = "already there, nothing to do" if event.reused else "done"
        return Text.assemble(("✓ ", "green"), shown(event.name), (f"  {how}", "dim"))
    if isinstance(event, AssetFailed):
        return Text.assemble(
            ("✗ ", "bold red"), shown(event.name), ("  failed: ", "red"), shown(event.reason)
        )
    return Text.assemble(("- ", "dim"), (f"{shown(event.path)}  skipped: {event.reason}", "dim"))


class PlainLines:
    """For logs and pipes: a line for each stage of an asset, and one every few seconds meanwhile."""

    def __init__(
        self, console: Console, *, clock: Clock = time.monotonic, every_s: float = LINE_EVERY_S
    ) -> None:
        self._console, self._clock, self._every_s = console, clock, every_s
        self._rows = Rows(clock)
        self._stages: set[tuple[str, str]] = set()
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def show(self, event: Event) -> None:
        """Print a line if it is time for one."""
        with self._lock:
            if isinstance(event, AssetProgress):
                self._progress(event)
                return
            if not isinstance(event, SourceSkipped | AssetSubmitted):
                self._rows.drop(event)
                self._console.print(outcome(event), soft_wrap=True)

    def close(self) -> None:
        """Nothing to put back."""

    def _progress(self, event: AssetProgress) -> None:
        row, now = self._rows.note(event), self._clock()
        if row is None:
            return
        # Stages of one asset overlap (pictures, sound, chunks): each is announced once, not at every turn.
        announced = (_key(event), event.stage) in self._stages
        if announced and now - self._last[_key(event)] < self._every_s:
            return
        self._stages.add((_key(event), event.stage))
        self._last[_key(event)] = now
        self._console.print(Text(_line(row)), soft_wrap=True)


def _line(row: Row) -> str:
    event = row.progress
    parts = [f"{shown(event.name)}: {shown(event.stage)} {percent(row.fraction)}"]
    if event.frames_total:
        parts.append(f"{event.frames_done:,} of {count(event.frames_total, 'frame')}")
    if event.speed is not None:
        parts.append(f"{event.speed:.2f}x realtime")
    if event.eta_s is not None:
        parts.append(f"{duration(event.eta_s)} left")
    return ", ".join(parts)


class LiveBoard:
    """For terminals: one bar an asset, redrawn in place; what is through moves above the bars."""

    def __init__(self, console: Console, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._rows = Rows(clock)
        self._done = self._failed = 0
        self._lock = threading.Lock()
        self._live = Live(
            self, console=console, refresh_per_second=_FRAMES_A_SECOND, transient=True, redirect_stderr=False
        )
        self._live.start()

    def show(self, event: Event) -> None:
        """Move a bar, or take it off the board."""
        with self._lock:
            if isinstance(event, AssetProgress):
                self._rows.note(event)
                return
            if isinstance(event, SourceSkipped | AssetSubmitted):
                return  # listed at the end
            self._rows.drop(event)
            self._done += isinstance(event, AssetFinished)
            self._failed += isinstance(event, AssetFailed)
            others = bool(self._rows.current())
        if others:  # else the report follows at once, and says the same
            self._live.console.print(outcome(event), soft_wrap=True)

    def close(self) -> None:
        """Take the bars off and show the cursor again."""
        with contextlib.suppress(OSError):
            self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the rows that fit the window."""
        with self._lock:
            rows, through = self._rows.current(), (self._done, self._failed)
        room = max(options.size.height - _ROOM_BELOW, 1)
        if rows:
            yield _grid(rows[:room], self._clock(), max(options.max_width - _MARGIN, 1))
        summary = _summary(through, len(rows), len(rows) - room)
        if summary:
            yield Text(summary, style="dim", no_wrap=True, overflow="ellipsis")


def _summary(through: tuple[int, int], running: int, hidden: int) -> str:
    done, failed = through
    if not running:
        return "" if done or failed else "looking for footage …"
    parts = [f"{hidden} more in hand"] if hidden > 0 else []
    parts += [f"{done} done"] if done else []
    parts += [f"{failed} failed"] if failed else []
    return ", ".join(parts)


def _grid(rows: list[Row], now: float, width: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.width = width
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=max(width // 3, 8))
    grid.add_column(ratio=1, min_width=6)
    grid.add_column(justify="right", no_wrap=True, min_width=4)
    if width >= _NARROW:
        grid.add_column(no_wrap=True, min_width=8, style="dim")
    if width >= _WIDE:
        grid.add_column(justify="right", no_wrap=True, style="dim")
    grid.add_column(justify="right", no_wrap=True, min_width=5, style="cyan")
    grid.add_column(justify="right", no_wrap=True, min_width=6)
    for row in rows:
        grid.add_row(*_cells(row, now, width))
    return grid


def _cells(row: Row, now: float, width: int) -> list[Text | ProgressBar]:
    event, eta = row.progress, row.eta_s(now)
    cells: list[Text | ProgressBar] = [
        Text(shown(event.name)),
        ProgressBar(total=1.0, completed=row.fraction, complete_style="cyan", finished_style="green"),
        Text(percent(row.fraction)),
    ]
    if width >= _NARROW:
        cells.append(Text(shown(event.stage)))
    if width >= _WIDE:
        cells.append(Text(f"{event.frames_done:,}/{event.frames_total:,}" if event.frames_total else ""))
    cells.append(Text("" if event.speed is None else f"{event.speed:.2f}x"))
    left = " left" if width >= _NARROW else ""
    cells.append(Text("" if eta is None else duration(round(eta)).replace(".0 s", " s") + left))
    return cells
