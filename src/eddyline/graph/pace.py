"""How far ahead a worker may claim: only jobs so short that the ledger's round trip would idle the slots."""

from __future__ import annotations

from collections.abc import Iterable

SHORT_S = 0.01
"""Jobs of a kind that takes less than this on average may wait in a worker's hands."""

_MOST_AHEAD = 256
_MEMORY = 0.2  # weight of the newest duration in a kind's mean


class Pace:
    """Learns from durations by kind. A kind never seen counts as long: long jobs must not be hoarded."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._mean_s: dict[str, float] = {}
        self.ahead = 0
        """How many jobs to hold beyond the free slots."""

    def is_short(self, kind: str) -> bool:
        """Whether jobs of this kind may wait in a worker's hands."""
        return self._mean_s.get(kind, SHORT_S) < SHORT_S

    def learn(self, durations: Iterable[tuple[str, float]]) -> None:
        """Take finished jobs' kinds and durations (s) into account."""
        short = []
        for kind, seconds in durations:
            before = self._mean_s.get(kind, seconds)
            self._mean_s[kind] = before + _MEMORY * (seconds - before)
            short.append(self.is_short(kind))
        if short:
            self.ahead = min(max(self.ahead, self._slots) * 2, _MOST_AHEAD) if all(short) else 0

    def stumble(self) -> None:
        """What was held ahead turned out not to be short: begin anew."""
        self.ahead = 0
