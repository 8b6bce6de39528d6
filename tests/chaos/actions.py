"""Executes the scheduled disturbances and reverts them later, in one thread."""

from __future__ import annotations

import heapq
import itertools
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from tests.chaos.disturbances import Disturbance, Kind
from tests.chaos.environment import Site
from tests.chaos.processes import Member, ProcessExit, ProcessState
from tests.servers.network import UNAVAILABLE, FaultRates, Proxy

FEW_FAULTS = FaultRates(drop=0.01, delay=0.03, double=0.03, cut=0.01, refuse=0.01, longest_s=0.5)
MANY_FAULTS = FaultRates(drop=0.1, delay=0.15, double=0.15, cut=0.08, refuse=0.08, longest_s=1.5)
STOP_S = 110.0
"""Seconds from SIGTERM to SIGKILL, as for a container on Spot."""
COORDINATOR_STOP_S = 15.0
_BACK_S = 1.0
_LATE_S = 1.0  # from the end of a notice to the kill: a worker that still runs then is a violation


@dataclass(kw_only=True)
class Actor:
    """Disturbs a site and its processes. `done` counts disturbances, `missed` those not possible in time.

    `busy` returns the known PIDs of the processes that run jobs.
    """

    site: Site
    workers: Sequence[Member]
    coordinators: Sequence[Member]
    busy: Callable[[], Collection[int]]
    done: Counter[Kind] = field(default_factory=Counter)
    missed: int = 0
    exits: list[ProcessExit] = field(default_factory=list)
    _repairs: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def members(self) -> list[Member]:
        """All processes."""
        return [*self.workers, *self.coordinators]

    def start(self) -> None:
        """Start all processes."""
        for member in self.members:
            member.start()

    def act(self, what: Disturbance) -> bool:
        """Execute a disturbance and schedule its end; returns False if it is not possible now."""
        if not self._do(what):
            return False
        self.done[what.kind] += 1
        return True

    def watch(self) -> None:
        """End the disturbances that are due, and restart exited processes after a delay."""
        while self._repairs and self._repairs[0][0] <= time.monotonic():
            heapq.heappop(self._repairs)[2]()
        for member in self.members:
            ended = member.poll_exit()
            if ended is not None:
                self.exits.append(ended)
                self._later(_BACK_S, lambda member=member: self._restart(member))  # type: ignore[misc]

    def end_disturbances(self) -> None:
        """End all disturbances except the low rate of network errors."""
        while self._repairs:
            heapq.heappop(self._repairs)[2]()

    def stop_all(self) -> None:
        """Ask all processes to stop, wait for them, and record their exits; does not restart them."""
        for member in self.members:
            if member.state is ProcessState.RUNNING:
                member.request_stop(STOP_S if member in self.workers else COORDINATOR_STOP_S)
        while any(member.state is ProcessState.STOPPING for member in self.members):
            self.exits += [ended for member in self.members if (ended := member.poll_exit())]
            time.sleep(0.02)

    def _do(self, what: Disturbance) -> bool:
        match what.kind:
            case Kind.CRASH_LEDGER | Kind.RESTART_LEDGER:
                return self._stop_ledger(what)
            case Kind.WIPE_QUEUE | Kind.RESTART_QUEUE:
                return self._stop_queue(what)
            case Kind.QUEUE_FAULTS:
                return self._set_fault_rates(self.site.network, MANY_FAULTS, what.lasts_s)
            case Kind.STORE_FAULTS:
                return self._set_fault_rates(self.site.store_proxy, MANY_FAULTS, what.lasts_s)
            case Kind.STORE_UNAVAILABLE:
                return self._set_fault_rates(self.site.store_proxy, UNAVAILABLE, what.lasts_s)
            case _:
                is_of_pool = what.kind in {Kind.SPOT_STORM, Kind.RECLAIM_POOL}
                return self._interrupt_pool(what) if is_of_pool else self._disturb_process(what)

    def _disturb_process(self, what: Disturbance) -> bool:
        """Disturb one process: the victim, or the next one that is running."""
        processes = self.coordinators if "coordinator" in what.kind else self.workers
        order = [processes[(what.victim + step) % len(processes)] for step in range(len(processes))]
        running = [each for each in order if each.state is ProcessState.RUNNING and not self._is_warned(each)]
        busy = self.busy() if what.busy and not self.site.ledger_down else ()
        member = next(iter(sorted(running, key=lambda each: each.pid not in busy)), None)
        if member is None:
            return False
        match what.kind:
            case Kind.KILL_WORKER | Kind.KILL_COORDINATOR:
                member.kill()
                self._later(what.lasts_s, lambda: self._restart(member))
            case Kind.FREEZE_WORKER | Kind.FREEZE_COORDINATOR:
                member.freeze()
                self._later(what.lasts_s, lambda: self._resume(member))
            case Kind.SPOT_WORKER:
                self._warn([self.workers.index(member)], what.lasts_s)
            case _:
                member.request_stop(STOP_S if member in self.workers else COORDINATOR_STOP_S)
        return True

    def _interrupt_pool(self, what: Disturbance) -> bool:
        """Interrupt all instances of the victim's pool at once, with or without a notice."""
        fleet = self.site.fleet
        numbers = fleet.members(fleet.pools[what.victim])
        if any(fleet.is_warned(number) for number in numbers):
            return False
        if not any(self.workers[number].state is ProcessState.RUNNING for number in numbers):
            return False
        if what.kind is Kind.SPOT_STORM:
            self._warn(numbers, what.lasts_s)
        else:
            for number in numbers:
                self.workers[number].kill()
                fleet.reclaim(number)
                self._later(what.lasts_s, lambda number=number: self._restart(self.workers[number]))  # type: ignore[misc]
        return True

    def _warn(self, numbers: Sequence[int], ahead_s: float) -> None:
        """Announce the interruption of instances: running workers must exit before, the others are killed."""
        for number in numbers:
            self.site.fleet.warn(number, ahead_s)
            if self.workers[number].state is ProcessState.RUNNING:
                self.workers[number].request_stop(ahead_s, terminate=False)
            self._later(ahead_s + _LATE_S, lambda number=number: self._interrupt(number))  # type: ignore[misc]

    def _interrupt(self, number: int) -> None:
        """Spot takes an instance, and the group replaces it."""
        self.workers[number].kill()
        self.site.fleet.reclaim(number)
        self._restart(self.workers[number])

    def _resume(self, member: Member) -> None:
        """Continue a frozen process, unless its instance was warned meanwhile: then it stays frozen."""
        if not self._is_warned(member):
            member.resume()

    def _is_warned(self, member: Member) -> bool:
        return member in self.workers and self.site.fleet.is_warned(self.workers.index(member))

    def _restart(self, member: Member) -> None:
        """Start a process again; a worker of a warned instance only after that, on another instance."""
        if member.state is not ProcessState.STOPPED or self._is_warned(member):
            return
        if member in self.workers:
            self.site.fleet.replace(self.workers.index(member))
        member.start()

    def _stop_ledger(self, what: Disturbance) -> bool:
        if self.site.ledger_down:
            return False
        self.site.ledger.stop(signal.SIGQUIT if what.kind is Kind.CRASH_LEDGER else signal.SIGINT)
        self.site.ledger_down = True
        self._later(what.lasts_s, self._start_ledger)
        return True

    def _start_ledger(self) -> None:
        self.site.ledger.start()
        self.site.ledger_down = False

    def _stop_queue(self, what: Disturbance) -> bool:
        if self.site.queue.process.poll() is not None:
            return False
        self.site.queue.stop() if what.kind is Kind.WIPE_QUEUE else self.site.queue.end()
        self._later(what.lasts_s, self.site.queue.start)
        return True

    def _set_fault_rates(self, proxy: Proxy, fault_rates: FaultRates, lasts_s: float) -> bool:
        if proxy.fault_rates is not FEW_FAULTS:
            return False  # the current errors end at their scheduled time
        proxy.fault_rates = fault_rates
        self._later(lasts_s, lambda: self._restore_fault_rates(proxy))
        return True

    @staticmethod
    def _restore_fault_rates(proxy: Proxy) -> None:
        proxy.fault_rates = FEW_FAULTS

    def _later(self, seconds: float, repair: Callable[[], None]) -> None:
        heapq.heappush(self._repairs, (time.monotonic() + seconds, next(self._numbers), repair))
