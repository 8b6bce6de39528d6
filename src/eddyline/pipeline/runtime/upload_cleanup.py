"""Large uploads that killed processes left unfinished: never seen, and paid for until they are aborted."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

from eddyline.core.clock import Clock, SystemClock
from eddyline.pipeline.planning.output_layout import OUTPUT, SOURCES, STATE, asset_key
from eddyline.pipeline.planning.plan import parts_prefix

_DAY_S = 86_400.0
_SWEEP_S = 3_600.0  # between two looks at the whole store
# No job lasts a day. A person's upload of a source may, over a slow line.
_AGES = {STATE: _DAY_S, OUTPUT: _DAY_S, SOURCES: 7 * _DAY_S}


class OpenUploads(Protocol):
    """The uploads into a store that were begun and not ended."""

    def abort(self, folder: str, *, older_s: float = 0.0) -> None:
        """Abort those below `folder` that were begun more than `older_s` seconds ago; raises nothing."""
        ...


class UploadCleanup:
    """Aborts what nobody will end. `uploads`: None where the store keeps none, or cannot be asked.

    `ages`: where else to look, once an hour, and how old (s) what is aborted there must be.
    """

    def __init__(
        self,
        uploads: OpenUploads | None = None,
        clock: Clock | None = None,
        *,
        ages: Mapping[str, float] = _AGES,
    ) -> None:
        self._uploads, self._ages = uploads, ages
        self._clock = clock or SystemClock()
        self._due = 0.0
        self._turn = threading.Lock()

    def tidy(self, asset: str) -> None:
        """Once an asset is there: abort all that is still on its way to it, and what is old anywhere.

        A worker given up for lost that is still sending fails then, and its answer counts for nothing.
        """
        if self._uploads is None:
            return
        self._uploads.abort(parts_prefix(asset))
        self._uploads.abort(asset_key(asset, "").rstrip("/"))
        if self._is_due():
            for folder, age in self._ages.items():
                self._uploads.abort(folder, older_s=age)

    def _is_due(self) -> bool:
        now = self._clock.now()
        with self._turn:
            due = now >= self._due
            if due:
                self._due = now + _SWEEP_S
        return due
