"""Submits assets to keep the fleet busy; submissions are killed at times and repeated until accepted."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.processes import Command, Member, ProcessState

_KILLED = 0.4  # the share of submissions that are killed
_TWICE = 0.2  # the share of accepted submissions that are repeated
_PAUSE_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One asset to submit: the name and the address of its source, and the profile of its wave."""

    name: str
    address: str
    profile: Path


def submissions(sources: Mapping[str, str], profile: Callable[[int], Path]) -> Iterator[Submission]:
    """An endless sequence of waves; `sources` are addresses by name."""
    wave = 0
    while True:
        for name, address in sources.items():
            yield Submission(name=name, address=address, profile=profile(wave))
        wave += 1


@dataclass(kw_only=True)
class Submitter:
    """Submits one asset after another, each by a separate process; `accepted` counts by name.

    `timeout_s`: a submission that fails for longer is a violation.
    """

    log: Path
    command: Callable[[Submission], Command]
    source: Iterator[Submission]
    rng: random.Random
    timeout_s: float = 60.0
    accepted: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    refused: int = 0
    repeated: int = 0
    _member: Member | None = None
    _submission: Submission | None = None
    _again: bool = False
    _kill_at: float = 0.0
    _next: float = 0.0
    _since: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether no submission is in progress."""
        return self._submission is None

    def step(self, *, wanted: bool) -> str:
        """Continue the submission, or start the next one; returns a violation if it takes too long."""
        now = time.monotonic()
        if self._submission is None:
            if wanted and now >= self._next:
                self._submission, self._again, self._since = next(self.source), False, now
            return ""
        if self._member is None:
            if now >= self._next:
                self._begin(self._submission, now)
            return self._overdue(now)
        ended = self._member.poll_exit()
        if ended is not None:
            self._member = None
            self._on_exit(ended.status, now)
        elif self._kill_at and now >= self._kill_at:
            self._member.kill()
            self._member = None
            self.killed += 1
            self._next = now + _PAUSE_S
        return ""

    def _begin(self, submission: Submission, now: float) -> None:
        self._member = Member(name="submit", log=self.log, make=lambda: self.command(submission))
        self._member.start()
        killed = self.rng.random() < _KILLED and not self._again
        self._kill_at = now + self.rng.uniform(0.2, 2.0) if killed else 0.0

    def _on_exit(self, status: int, now: float) -> None:
        assert self._submission is not None
        self._next = now + _PAUSE_S
        if status:
            self.refused += 1  # the ledger or the queue is unavailable: retry
            return
        if self._again:
            self.repeated += 1
        else:
            self.accepted[self._submission.name] += 1
        if not self._again and self.rng.random() < _TWICE:
            self._again, self._since = True, now
        else:
            self._submission = None

    def _overdue(self, now: float) -> str:
        if self._submission is None or now - self._since < self.timeout_s:
            return ""
        output = self.log.read_text(errors="replace")[-600:] if self.log.exists() else ""
        return f"{self._submission.name} could not be submitted for {self.timeout_s:.0f} s: {output}"

    def abandon(self) -> None:
        """Kill the running submission."""
        if self._member is not None and self._member.state is not ProcessState.STOPPED:
            self._member.kill()
