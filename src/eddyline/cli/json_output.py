"""The output of a run for programs: one JSON object per line."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TextIO

from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.pipeline.runs.events import (
    AssetFailed,
    AssetFinished,
    AssetProgress,
    AssetSubmitted,
    Event,
    RunReport,
    SourceSkipped,
    SubmitProgress,
)

_NAMES = {
    AssetProgress: "progress",
    SubmitProgress: "submitting",
    AssetSubmitted: "submitted",
    AssetFinished: "asset_finished",
    AssetFailed: "asset_failed",
    SourceSkipped: "skipped",
    UnservedPool: "unserved",
}


class JsonOutput:
    """Prints events as JSON lines; the progress of a stage of an asset at most every `every_s` seconds."""

    def __init__(
        self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic, every_s: float = 0.5
    ) -> None:
        self._stream, self._clock, self._every_s = stream, clock, every_s
        self._last: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def show(self, event: Event) -> None:
        """Print one event."""
        with self._lock:
            if not isinstance(event, AssetProgress | SubmitProgress) or self._due(event):
                self._print({"event": _NAMES[type(event)], **event_fields(event)})

    def finish(self, report: RunReport) -> None:
        """Print the report as the last line."""
        with self._lock:
            self._print(
                {
                    "event": "finished",
                    **(
                        {"submitted": [event_fields(each) for each in report.submitted]}
                        if report.submitted
                        else {}
                    ),
                    "assets": [event_fields(asset) for asset in report.finished],
                    "failed": [event_fields(failure) for failure in report.failed],
                    "skipped": [event_fields(skipped) for skipped in report.skipped],
                    "interrupted": report.interrupted,
                }
            )

    def close(self) -> None:
        """Does nothing: the terminal needs no cleanup."""

    def _due(self, event: AssetProgress | SubmitProgress) -> bool:
        now = self._clock()
        key = (
            ("", "submitting")
            if isinstance(event, SubmitProgress)
            else (event.asset or event.name, event.stage)
        )
        if key in self._last and now - self._last[key] < self._every_s:
            return False
        self._last[key] = now
        return True

    def _print(self, value: dict[str, Any]) -> None:
        self._stream.write(encode_line(value) + "\n")
        self._stream.flush()  # a reader waits for each line


def event_fields(event: Event) -> dict[str, Any]:
    """The fields of an event as JSON values."""
    return asdict(event)


def encode_line(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON as one line of ASCII: names that are not UTF-8 are escaped, and no character breaks the line."""
    return json.dumps(value, allow_nan=False)
