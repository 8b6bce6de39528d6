"""A file that says when each loop of a process last ran; the health checks of containers read it.

A process is healthy while its loops run. Whether they succeed does not matter: during an outage of a queue or
of the ledger they go on, and a restart of all processes would only lose their work.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

from eddyline.core import files
from eddyline.core.clock import Clock, SystemClock

_WRITE_S = 5.0
_MAX_BYTES = 65_536
WITHIN_S = 180.0
"""The age of a loop's last run (s) up to which it is healthy: one step of a loop may retry for a minute."""


class HealthFile:
    """Writes the times of `loops` to `path` (None: to no file). Safe from any thread; raises no `OSError`.

    All loops count from the first call of any of them, so that one that never runs is noticed.
    """

    def __init__(self, path: Path | None, *, loops: Collection[str], clock: Clock | None = None) -> None:
        self._path = path
        self._loops = tuple(loops)
        self._clock = clock or SystemClock()
        self._times: dict[str, float] = {}
        self._written = -math.inf
        self._lock = threading.Lock()

    def ran(self, loop: str) -> None:
        """Record that a loop runs; other names than those of `loops` are ignored."""
        if self._path is None or loop not in self._loops:
            return
        now = self._clock.now()
        with self._lock:
            self._times = self._times or dict.fromkeys(self._loops, now)
            self._times[loop] = now
            if abs(now - self._written) < _WRITE_S:
                return
            self._written = now
            with contextlib.suppress(OSError):  # a full disk; the check fails if that lasts
                _replace(self._path, json.dumps(self._times))

    def remove(self) -> None:
        """Remove the file: the process ends."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def find_problem(path: Path, *, now: float, within_s: float = WITHIN_S) -> str:
    """What is wrong with the process that writes `path`.

    "" if each of its loops ran within the last `within_s` seconds.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror}): the process is starting, or was not started here"
    times = _parse(text)
    if not times:
        return f"{path} does not contain the times of loops"
    late = {loop: now - at for loop, at in times.items() if not abs(now - at) <= within_s}
    return "; ".join(f"the loop {loop} last ran {age:.0f} s ago" for loop, age in sorted(late.items()))


def _parse(text: bytes) -> Mapping[str, float]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(value, dict):
        return {}
    numbers = all(isinstance(at, (int, float)) and not isinstance(at, bool) for at in value.values())
    return {str(loop): float(at) for loop, at in value.items()} if numbers else {}


def _replace(path: Path, text: str) -> None:
    """Readers see the old or the new text; no sync: after a crash of the machine the file is of no use."""
    temporary = files.temp_path(path)
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
