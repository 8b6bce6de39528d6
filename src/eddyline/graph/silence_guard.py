"""Whether somebody has listened for so long, and so closely, that the silence of others means something."""

from __future__ import annotations

import time
from collections.abc import Callable


class SilenceGuard:
    """After an outage of the ledger, of a queue or of oneself, everybody has been silent: all seem dead.

    They are heard again as soon as things work, so nobody is judged until `settle_s` of listening without a
    break; a break is a pause, or a delay of what is heard, of more than `break_s`. `settled`: nobody needs it
    before the first break. Safe from any thread.
    """

    def __init__(
        self,
        *,
        break_s: float,
        settle_s: float,
        settled: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._break_s = break_s
        self._settle_s = settle_s
        self._settled = settled
        self._clock = clock
        # Since when without a break, and the last time (monotonic s): set together.
        self._watch: tuple[float, float] | None = None

    def heard(self, waited_s: float = 0.0) -> None:
        """One has listened just now, and what was heard had been on its way for so long."""
        now = self._clock()
        since, last = self._watch or (now - self._settle_s * self._settled, now)
        whole = now - last <= self._break_s and waited_s <= self._break_s
        self._watch = (since if whole else now, now)

    @property
    def may_judge(self) -> bool:
        """Whether who was not heard all the while is gone."""
        if self._watch is None:
            return False
        since, last = self._watch
        return self._clock() - last <= self._break_s and last - since >= self._settle_s
