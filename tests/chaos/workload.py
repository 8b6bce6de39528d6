"""Whoever asks for assets: keeps the fleet busy, is killed at times, and asks again until it was heard."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.processes import Command, Member, Standing

_KILLED = 0.4  # so often is a submission killed
_TWICE = 0.2  # so often is what was accepted asked for once more
_PAUSE_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One asset: a source by a name and an address, and the profile of its wave."""

    name: str
    address: str
    profile: Path


def wishes(sources: Mapping[str, str], profile: Callable[[int], Path]) -> Iterator[Wish]:
    """Wave after wave, without end; `sources` are addresses by name."""
    wave = 0
    while True:
        for name, address in sources.items():
            yield Wish(name=name, address=address, profile=profile(wave))
        wave += 1


@dataclass(kw_only=True)
class Supply:
    """Submits one wish after another by processes of their own; `accepted` counts by name.

    `patience_s`: a wish that is refused for longer is complained of.
    """

    log: Path
    command: Callable[[Wish], Command]
    source: Iterator[Wish]
    rng: random.Random
    patience_s: float = 60.0
    accepted: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    refused: int = 0
    repeated: int = 0
    _member: Member | None = None
    _wish: Wish | None = None
    _again: bool = False
    _kill_at: float = 0.0
    _next: float = 0.0
    _since: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing is being asked for."""
        return self._wish is None

    def step(self, *, hungry: bool) -> str:
        """Go on with what is asked for, or begin with the next wish; a complaint if it takes too long."""
        now = time.monotonic()
        if self._wish is None:
            if hungry and now >= self._next:
                self._wish, self._again, self._since = next(self.source), False, now
            return ""
        if self._member is None:
            if now >= self._next:
                self._begin(self._wish, now)
            return self._overdue(now)
        gone = self._member.departure()
        if gone is not None:
            self._member = None
            self._heard(gone.status, now)
        elif self._kill_at and now >= self._kill_at:
            self._member.kill()
            self._member = None
            self.killed += 1
            self._next = now + _PAUSE_S
        return ""

    def _begin(self, wish: Wish, now: float) -> None:
        self._member = Member(name="submit", log=self.log, make=lambda: self.command(wish))
        self._member.start()
        killed = self.rng.random() < _KILLED and not self._again
        self._kill_at = now + self.rng.uniform(0.2, 2.0) if killed else 0.0

    def _heard(self, status: int, now: float) -> None:
        assert self._wish is not None
        self._next = now + _PAUSE_S
        if status:
            self.refused += 1  # the ledger or the queue is away: ask again
            return
        if self._again:
            self.repeated += 1
        else:
            self.accepted[self._wish.name] += 1
        if not self._again and self.rng.random() < _TWICE:
            self._again, self._since = True, now
        else:
            self._wish = None

    def _overdue(self, now: float) -> str:
        if self._wish is None or now - self._since < self.patience_s:
            return ""
        said = self.log.read_text(errors="replace")[-600:] if self.log.exists() else ""
        return f"{self._wish.name} could not be submitted for {self.patience_s:.0f} s: {said}"

    def abandon(self) -> None:
        """End whatever runs."""
        if self._member is not None and self._member.standing is not Standing.DOWN:
            self._member.kill()
