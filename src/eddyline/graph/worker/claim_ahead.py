"""How far ahead a worker may claim: only jobs so short that the ledger's round trip would idle the slots."""

from __future__ import annotations

from collections.abc import Collection, Iterable

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
        self._before = 0  # and before kinds came that are not known yet
        self._unknown: set[str] = set()

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
        if not all(short):
            self.stumble()
        elif short:
            self.ahead = min(max(self.ahead, self._slots) * 2, _MOST_AHEAD)
            self._resume()

    def _resume(self) -> None:
        if self._unknown <= self._mean_s.keys():
            self.ahead = max(self.ahead, self._before)
            self._before = 0
            self._unknown.clear()

    def refuse(self, kinds: Collection[str]) -> None:
        """Jobs of these kinds may not be held: hold none, and as many as before once all kinds are short."""
        if self._mean_s.keys().isdisjoint(kinds):
            self._before = max(self._before, self.ahead)
            self._unknown.update(kinds)
            self.ahead = 0
        else:
            self.stumble()

    def stumble(self) -> None:
        """What was held ahead turned out not to be short: begin anew."""
        self.ahead = self._before = 0
        self._unknown.clear()
