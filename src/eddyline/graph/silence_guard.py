"""Decides whether missing heartbeats are significant: only after this process has listened without a gap."""

from __future__ import annotations

import time
from collections.abc import Callable


class SilenceGuard:
    """After an outage of the ledger, of a queue or of this process, all workers seem to be lost.

    Their heartbeats arrive as soon as the outage ends, so silence is significant only after `settle_s` of
    listening without a gap. A gap is a pause of more than `gap_s` between two calls of `listened`, or a
    heartbeat that was delayed by more than that. If `settled`, silence is significant before the first gap.
    `clock` is monotonic, in seconds. Safe from any thread.
    """

    def __init__(
        self,
        *,
        gap_s: float,
        settle_s: float,
        settled: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gap_s = gap_s
        self._settle_s = settle_s
        self._settled = settled
        self._clock = clock
        # The start of listening without a gap, and the last time; one tuple, so that both change together.
        self._period: tuple[float, float] | None = None

    def listened(self, delay_s: float = 0.0) -> None:
        """Record that this process received reports just now, which had been delayed by at most `delay_s`."""
        now = self._clock()
        since, last = self._period or (now - self._settle_s * self._settled, now)
        is_continuous = now - last <= self._gap_s and delay_s <= self._gap_s
        self._period = (since if is_continuous else now, now)

    @property
    def is_silence_significant(self) -> bool:
        """Whether a worker without heartbeats during the whole lease is lost."""
        if self._period is None:
            return False
        since, last = self._period
        return self._clock() - last <= self._gap_s and last - since >= self._settle_s
