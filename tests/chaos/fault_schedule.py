"""The storm itself: what goes wrong goes wrong on time, work is kept coming, and then all of it must end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.chaos.actions import Actor
from tests.chaos.audit import Audit, Pulse
from tests.chaos.disturbances import Disturbance
from tests.chaos.processes import Standing
from tests.chaos.workload import Submitter

_TICK_S = 0.05
_LOOK_S = 1.0
_FEW_ASSETS = 3  # open at a time, so that there is always something to be disturbed
_QUIET_S = 90.0
"""If nothing changes for so long after the storm, something is stuck."""
_SETTLED_S = 600.0
_GRACE_S = 20.0  # for what could not be done in time
_CRASHES = 10  # so often may processes end by themselves before that is all there is to see


class StuckError(Exception):
    """The fleet does not get on; says since when, and what is left."""


@dataclass(kw_only=True)
class Storm:
    """One storm over a fleet that is up. `say` gets a line now and then."""

    actor: Actor
    supply: Submitter
    audit: Audit
    plan: Sequence[Disturbance]
    seconds: float
    say: Callable[[str], None]
    say_every_s: float = 10.0
    pulse: Pulse = field(default_factory=lambda: Pulse(counts={}, open_assets=0, quiet_s=0.0))
    _looked: float = 0.0
    _said: float = 0.0
    _began: float = 0.0

    def rage(self) -> None:
        """Disturb from the first job until the time is over. Raises `StuckError` without progress."""
        self._began = began = time.monotonic()
        while not self.pulse.counts.get("done"):
            self._step(wanted=self.pulse.open_assets < _FEW_ASSETS)
            if time.monotonic() - began > _QUIET_S:
                raise StuckError(
                    f"nothing is done after {_QUIET_S:.0f} s of fine weather: {self.pulse.counts}"
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
            self._step(wanted=self.pulse.open_assets < _FEW_ASSETS)
        self.actor.missed = len(due) + len(left)
        self.say("the storm is over: what is left has to end")
        self.actor.end_disturbances()

    def settle(self) -> float:
        """Wait until all is done and all are up again; seconds that took. Raises `StuckError`."""
        began = time.monotonic()
        while True:
            self._step(wanted=False)
            if self.supply.idle and not self.pulse.open_assets and self._looked > began and self._all_up():
                return time.monotonic() - began
            waited_s = time.monotonic() - began
            if min(self.pulse.quiet_s, waited_s) > _QUIET_S or waited_s > _SETTLED_S:
                quiet_s, counts = self.pulse.quiet_s, self.pulse.counts
                raise StuckError(
                    f"not done after {waited_s:.0f} s, the last {quiet_s:.0f} in silence: {counts}"
                )

    def _all_up(self) -> bool:
        return all(member.standing is Standing.UP for member in self.actor.members)

    def _step(self, *, wanted: bool) -> None:
        self.actor.watch()
        crashed = [each for each in self.actor.departures if each.standing is not Standing.LEAVING]
        if len(crashed) >= _CRASHES:
            said = next(m.said() for m in self.actor.members if m.name == crashed[-1].name)
            raise StuckError(f"processes end by themselves, again and again; {crashed[-1].name} said: {said}")
        complaint = self.supply.step(wanted=wanted)
        if complaint:
            raise StuckError(complaint)
        now = time.monotonic()
        if now - self._looked >= _LOOK_S and not self.actor.site.ledger_down:
            self.pulse = self.audit.pulse()
            self._looked = now
        if now - self._said >= self.say_every_s:
            self._said = now
            self.say(self._line())
        time.sleep(_TICK_S)

    def _line(self) -> str:
        done, total = self.pulse.counts.get("done", 0), sum(self.pulse.counts.values())
        up = sum(member.standing is Standing.UP for member in self.actor.members)
        return (
            f"{time.monotonic() - self._began:5.0f} s  {sum(self.actor.done.values()):3} disturbances  "
            f"{up} of {len(self.actor.members)} up  {done} of {total} jobs done  "
            f"{sum(self.supply.accepted.values())} assets asked for, {self.pulse.open_assets} open"
        )
