"""The display of a run in a log or a pipe: a line per stage of an asset, and one every few seconds."""

from __future__ import annotations

import threading
import time

from rich.console import Console
from rich.text import Text

from eddyline.cli.progress import Clock, Row, Rows, asset_key, format_percent, outcome_line, submit_line
from eddyline.core.formatting import format_count, format_duration, printable
from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.pipeline.runs.events import AssetProgress, AssetSubmitted, Event, SourceSkipped, SubmitProgress

LINE_EVERY_S = 5.0
_LARGE_FILE = 256 * 1024 * 1024  # bytes; fingerprinting or uploading a larger file takes long


class PlainOutput:
    """Prints a line for each stage of an asset, and one every `every_s` seconds."""

    def __init__(
        self, console: Console, *, clock: Clock = time.monotonic, every_s: float = LINE_EVERY_S
    ) -> None:
        self._console, self._clock, self._every_s = console, clock, every_s
        self._rows = Rows(clock)
        self._stages: set[tuple[str, str]] = set()
        self._last: dict[str, float] = {}
        self._submitted_at = clock()
        self._lock = threading.Lock()

    def show(self, event: Event) -> None:
        """Print an event, unless a progress line was printed recently."""
        with self._lock:
            if isinstance(event, AssetProgress):
                self._progress(event)
                return
            if isinstance(event, SubmitProgress):
                self._submitting(event)
                return
            if not isinstance(event, SourceSkipped | AssetSubmitted):
                if not isinstance(event, UnservedPool):
                    self._rows.drop(event)
                self._console.print(outcome_line(event), soft_wrap=True)

    def close(self) -> None:
        """Does nothing: the terminal needs no cleanup."""

    def _submitting(self, event: SubmitProgress) -> None:
        now = self._clock()
        if event.bytes < _LARGE_FILE and now - self._submitted_at < self._every_s:
            return
        self._submitted_at = now
        self._console.print(submit_line(event), soft_wrap=True)

    def _progress(self, event: AssetProgress) -> None:
        row, now = self._rows.update(event), self._clock()
        if row is None:
            return
        # The stages of an asset overlap (images, audio, chunks): each is announced once, not at every change.
        announced = (asset_key(event), event.stage) in self._stages
        if announced and now - self._last[asset_key(event)] < self._every_s:
            return
        self._stages.add((asset_key(event), event.stage))
        self._last[asset_key(event)] = now
        self._console.print(Text(_line(row)), soft_wrap=True)


def _line(row: Row) -> str:
    event = row.progress
    parts = [f"{printable(event.name)}: {printable(event.stage)} {format_percent(row.fraction)}"]
    if event.frames_total:
        parts.append(f"{event.frames_done:,} of {format_count(event.frames_total, 'frame')}")
    if event.speed is not None:
        parts.append(f"{event.speed:.2f}x realtime")
    if event.eta_s is not None:
        parts.append(f"{format_duration(event.eta_s)} left")
    return ", ".join(parts)
