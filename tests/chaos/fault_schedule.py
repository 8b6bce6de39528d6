"""Runs the schedule of disturbances while assets are submitted, then waits until all jobs are done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.chaos.actions import Actor
from tests.chaos.audit import Audit, Progress
from tests.chaos.disturbances import Disturbance
from tests.chaos.processes import ProcessState
from tests.chaos.workload import Submitter

_TICK_S = 0.05
_POLL_S = 1.0
_FEW_ASSETS = 3  # open at a time, so that there is always something to be disturbed
_UNCHANGED_S = 90.0
"""After so many seconds without a change, the fleet counts as stuck."""
_DONE_TIMEOUT_S = 600.0
_GRACE_S = 20.0  # for disturbances that were not possible in time
_CRASHES = 10  # unrequested exits after which the test ends


class StuckError(Exception):
    """The fleet makes no progress."""


@dataclass(kw_only=True)
class FaultRun:
    """Disturbs a fleet of running processes. Writes a progress line every `progress_every_s` seconds."""

    actor: Actor
    supply: Submitter
    audit: Audit
    plan: Sequence[Disturbance]
    seconds: float
    write_line: Callable[[str], None]
    progress_every_s: float = 10.0
    progress: Progress = field(default_factory=lambda: Progress(counts={}, open_assets=0, unchanged_s=0.0))
    _polled_at: float = 0.0
    _printed_at: float = 0.0
    _began: float = 0.0

    def inject_faults(self) -> None:
        """Disturb the fleet for `seconds` after its first finished job. Raises `StuckError`."""
        self._began = began = time.monotonic()
        while not self.progress.counts.get("done"):
            self._step(wanted=self.progress.open_assets < _FEW_ASSETS)
            if time.monotonic() - began > _UNCHANGED_S:
                raise StuckError(
                    f"nothing is done after {_UNCHANGED_S:.0f} s without disturbances: {self.progress.counts}"
                )
        self._began = time.monotonic()
        left, due = deque(self.plan), list[Disturbance]()
        while (elapsed := time.monotonic() - self._began) < self.seconds or (
            (left or due) and elapsed < self.seconds + _GRACE_S
        ):
            while left and left[0].at <= elapsed:
                due.append(left.popleft())
            # A disturbance without a suitable process, or already active, waits.
            due = [each for each in due if not self.actor.act(each)]
            self._step(wanted=self.progress.open_assets < _FEW_ASSETS)
        self.actor.missed = len(due) + len(left)
        self.write_line("the disturbances are over: waiting for the remaining jobs")
        self.actor.end_disturbances()

    def wait_until_done(self) -> float:
        """Wait until all jobs are done and all processes run; returns the seconds. Raises `StuckError`."""
        began = time.monotonic()
        while True:
            self._step(wanted=False)
            if (
                self.supply.idle
                and not self.progress.open_assets
                and self._polled_at > began
                and self._all_running()
            ):
                return time.monotonic() - began
            waited_s = time.monotonic() - began
            if min(self.progress.unchanged_s, waited_s) > _UNCHANGED_S or waited_s > _DONE_TIMEOUT_S:
                unchanged_s, counts = self.progress.unchanged_s, self.progress.counts
                raise StuckError(
                    f"not done after {waited_s:.0f} s, the last {unchanged_s:.0f} without a change: {counts}"
                )

    def _all_running(self) -> bool:
        return all(member.state is ProcessState.RUNNING for member in self.actor.members)

    def _step(self, *, wanted: bool) -> None:
        self.actor.watch()
        crashed = [each for each in self.actor.exits if each.state is not ProcessState.STOPPING]
        if len(crashed) >= _CRASHES:
            output = next(m.log_tail() for m in self.actor.members if m.name == crashed[-1].name)
            raise StuckError(f"processes exit unrequested; the log of {crashed[-1].name}: {output}")
        violation = self.supply.step(wanted=wanted)
        if violation:
            raise StuckError(violation)
        now = time.monotonic()
        if now - self._polled_at >= _POLL_S and not self.actor.site.ledger_down:
            self.progress = self.audit.progress()
            self._polled_at = now
        if now - self._printed_at >= self.progress_every_s:
            self._printed_at = now
            self.write_line(self._line())
        time.sleep(_TICK_S)

    def _line(self) -> str:
        done, total = self.progress.counts.get("done", 0), sum(self.progress.counts.values())
        running = sum(member.state is ProcessState.RUNNING for member in self.actor.members)
        return (
            f"{time.monotonic() - self._began:5.0f} s  {sum(self.actor.done.values()):3} disturbances  "
            f"{running} of {len(self.actor.members)} running  {done} of {total} jobs done  "
            f"{sum(self.supply.accepted.values())} assets submitted, {self.progress.open_assets} open"
        )
