"""Aborts multipart uploads that killed processes left open: they are invisible, and stored until aborted."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

from eddyline.core.clock import Clock, SystemClock
from eddyline.pipeline.planning.output_layout import OUTPUT, SOURCES, STATE, asset_key, parts_prefix

_DAY_S = 86_400.0
_SWEEP_S = 3_600.0  # between two sweeps of the whole store
# No job takes a day. A user's upload of a source over a slow line may.
_MIN_AGES_S = {STATE: _DAY_S, OUTPUT: _DAY_S, SOURCES: 7 * _DAY_S}


class OpenUploads(Protocol):
    """The incomplete uploads of a store."""

    def abort(self, folder: str, *, older_s: float = 0.0) -> None:
        """Abort those below `folder` that started more than `older_s` seconds ago; raises nothing."""
        ...


class UploadCleanup:
    """Aborts abandoned uploads. `uploads`: None if the store keeps none, or cannot list them.

    `ages`: the prefixes that are swept once an hour, and the minimum age (s) of what is aborted there.
    """

    def __init__(
        self,
        uploads: OpenUploads | None = None,
        clock: Clock | None = None,
        *,
        ages: Mapping[str, float] = _MIN_AGES_S,
    ) -> None:
        self._uploads, self._ages = uploads, ages
        self._clock = clock or SystemClock()
        self._next_sweep = 0.0
        self._lock = threading.Lock()

    def clean(self, asset: str) -> None:
        """Abort all uploads of a published asset, and old ones everywhere.

        A lost worker that still uploads fails then; its result does not count any more.
        """
        if self._uploads is None:
            return
        self._uploads.abort(parts_prefix(asset))
        self._uploads.abort(asset_key(asset, "").rstrip("/"))
        if self._is_sweep_due():
            for folder, age in self._ages.items():
                self._uploads.abort(folder, older_s=age)

    def _is_sweep_due(self) -> bool:
        now = self._clock.now()
        with self._lock:
            due = now >= self._next_sweep
            if due:
                self._next_sweep = now + _SWEEP_S
        return due
