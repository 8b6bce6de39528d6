"""The display of a run on a terminal: one progress bar per asset, finished assets above the bars."""

from __future__ import annotations

import contextlib
import threading
import time

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from eddyline.cli.progress import Clock, Row, Rows, format_percent, outcome_line, submit_line
from eddyline.core.formatting import format_duration, printable
from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.pipeline.runs.events import (
    AssetFailed,
    AssetFinished,
    AssetProgress,
    AssetSubmitted,
    Event,
    SourceSkipped,
    SubmitProgress,
)

_REFRESH_PER_S = 8
_NARROW, _WIDE = 70, 100  # terminal widths at which columns are dropped or added
_ROOM_BELOW = 2
_MARGIN = 4  # space for the ^C of the terminal: at the edge it would wrap and disturb the redraw


class LiveView:
    """Draws one progress bar per asset in place, and finished assets above the bars."""

    def __init__(self, console: Console, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._rows = Rows(clock)
        self._done = self._failed = 0
        self._submitting: SubmitProgress | None = None
        self._lock = threading.Lock()
        self._live = Live(
            self, console=console, refresh_per_second=_REFRESH_PER_S, transient=True, redirect_stderr=False
        )
        self._live.start()

    def show(self, event: Event) -> None:
        """Update or remove the bar of an asset."""
        with self._lock:
            if isinstance(event, AssetProgress):
                self._rows.update(event)
                return
            if isinstance(event, SubmitProgress):
                self._submitting = event
                return
            if isinstance(event, SourceSkipped | AssetSubmitted):
                return  # listed in the report
            if not isinstance(event, UnservedPool):
                self._rows.drop(event)
            self._done += isinstance(event, AssetFinished)
            self._failed += isinstance(event, AssetFailed)
            others = bool(self._rows.current())
        if others:  # else the report with the same text follows immediately
            self._live.console.print(outcome_line(event), soft_wrap=True)

    def close(self) -> None:
        """Remove the bars and restore the cursor."""
        with contextlib.suppress(OSError):
            self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the rows that fit the terminal."""
        with self._lock:
            rows, ended, submit = self._rows.current(), (self._done, self._failed), self._submitting
        room = max(options.size.height - _ROOM_BELOW, 1)
        if rows:
            yield _grid(rows[:room], self._clock(), max(options.max_width - _MARGIN, 1))
        if submit is not None and not rows and submit.total > 1:
            yield Text(submit_line(submit), style="dim", no_wrap=True, overflow="ellipsis")
        summary = _summary(ended, len(rows), len(rows) - room)
        if summary:
            yield Text(summary, style="dim", no_wrap=True, overflow="ellipsis")


def _summary(ended: tuple[int, int], running: int, hidden: int) -> str:
    done, failed = ended
    if not running:
        return "" if done or failed else "searching for video files …"
    parts = [f"{hidden} more in progress"] if hidden > 0 else []
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
        Text(printable(event.name)),
        ProgressBar(total=1.0, completed=row.fraction, complete_style="cyan", finished_style="green"),
        Text(format_percent(row.fraction)),
    ]
    if width >= _NARROW:
        cells.append(Text(printable(event.stage)))
    if width >= _WIDE:
        cells.append(Text(f"{event.frames_done:,}/{event.frames_total:,}" if event.frames_total else ""))
    cells.append(Text("" if event.speed is None else f"{event.speed:.2f}x"))
    left = " left" if width >= _NARROW else ""
    cells.append(Text("" if eta is None else format_duration(round(eta)).replace(".0 s", " s") + left))
    return cells
