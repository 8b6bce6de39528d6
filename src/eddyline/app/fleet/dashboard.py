"""Reads the reports of the Spot dashboard from a ledger."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eddyline.app.fleet.dashboard_reports import Range
from eddyline.app.fleet.machine_cache import MachineCache
from eddyline.app.fleet.work_cache import WorkCache
from eddyline.fleet.dashboard.cube import Cube, cube_of
from eddyline.fleet.dashboard.drains import InterruptedMachines, interrupted_machines
from eddyline.fleet.dashboard.grouping import chosen
from eddyline.fleet.dashboard.machines import INTERRUPTION_CODE, SPOT_CODE, Machines, fill_vcpu
from eddyline.fleet.dashboard.price_curves import PriceBook, price_book
from eddyline.fleet.dashboard.reclaims import REPLACED_WITHIN_S
from eddyline.fleet.dashboard.window import Window, window_of
from eddyline.graph.ledger.fleet import demo_mark, prices
from eddyline.graph.ledger.fleet.interrupted_work import InterruptedWork
from eddyline.graph.ledger.ledger import Ledger

_PRICES_S = 60.0  # for how long prices that were read are used
_VIEWS = 16  # that are kept: one for each set of filters that several requests of a page have


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The machines of a report; empty: all. `grouping.UNKNOWN` chooses those whose value is not known."""

    pool: str = ""
    instance_type: str = ""
    zone: str = ""


@dataclass(frozen=True)
class View:
    """What all reports of one window and set of filters are computed from.

    `recent` are the machines that ran in the hour before the window or later, also after it, and perhaps
    earlier ones; `known` those without filters.
    """

    window: Window
    now: float
    known: Machines
    recent: Machines
    prices: PriceBook
    price_count: int
    demonstration: str
    filters: Filters
    read_work: Callable[[], Mapping[str, InterruptedWork]]

    @cached_property
    def machines(self) -> Machines:
        """The machines that may have run in the window."""
        begun = ~(self.recent.launched >= self.window.stop)
        return self.recent.where(begun & ~(self.recent.terminated < self.window.start))

    @cached_property
    def cube(self) -> Cube:
        """The sums over these machines."""
        return cube_of(self.machines, self.window, self.prices)

    @cached_property
    def incomplete(self) -> int:
        """The machines of unknown launch or lifecycle."""
        return int((np.isnan(self.machines.launched) | (self.machines.lifecycle == 0)).sum())

    @cached_property
    def interrupted(self) -> Machines:
        """The Spot Instances whose interruption ended in the window: those that the rates count."""
        each = self.machines
        ended = (each.terminated >= self.window.start) & (each.terminated < self.window.stop)
        counted = (each.lifecycle == SPOT_CODE) & ~np.isnan(each.launched)
        return each.where(ended & counted & (each.ended_by == INTERRUPTION_CODE))

    @cached_property
    def interrupted_work(self) -> InterruptedMachines:
        """What ran on `interrupted`, in the same order."""
        return interrupted_machines(self.interrupted.warned, self.interrupted.name.tolist(), self.read_work())

    @property
    def range(self) -> Range:
        """The window, as reports state it."""
        return Range(
            start=self.window.start,
            stop=self.window.stop,
            step_s=self.window.step_s,
            steps=self.window.edges[:-1].tolist(),
            demonstration=self.demonstration,
        )


class FleetDashboard:
    """The dashboard of one ledger, with what it read before. Safe from any thread."""

    def __init__(self, ledger: Ledger, *, vcpu_of_types: Mapping[str, int]) -> None:
        self.ledger = ledger
        self._vcpu_of_types = vcpu_of_types
        self._machines = MachineCache(ledger)
        self._work = WorkCache(ledger)
        self._lock = threading.Lock()
        self._views: OrderedDict[tuple[object, ...], View] = OrderedDict()
        self._prices: tuple[float, float, PriceBook, int] | None = None
        self._filled: tuple[Machines, Machines] | None = None

    def view(self, start: float, stop: float, filters: Filters) -> View:
        """The view of a window, which ends now at the latest. Raises `UsageError` for an invalid one."""
        now = self.ledger.now()
        window = window_of(start, stop, now=now)
        machines = self._machines.read(start - REPLACED_WITHIN_S)
        book, count = self._price_book(start, now)
        key = (window, id(machines), id(book), filters)
        with self._lock:
            found = self._views.get(key)
            if found is not None:
                return found
        found = self._new_view(window, now, machines, (book, count), filters)
        with self._lock:
            self._views[key] = found
            while len(self._views) > _VIEWS:
                self._views.popitem(last=False)
        return found

    def _new_view(
        self, window: Window, now: float, machines: Machines, priced: tuple[PriceBook, int], filters: Filters
    ) -> View:
        known = self._with_vcpu(machines)
        before = known.terminated < window.start - REPLACED_WITHIN_S
        # Leaving out a few costs more than it saves.
        recent = chosen(
            known.where(~before) if np.count_nonzero(before) > len(known) // 8 else known,
            pool=filters.pool,
            instance_type=filters.instance_type,
            zone=filters.zone,
        )
        mark = self.ledger.read(demo_mark.find)
        return View(
            window=window,
            now=now,
            known=known,
            recent=recent,
            prices=priced[0],
            price_count=priced[1],
            demonstration=mark.description if mark else "",
            filters=filters,
            read_work=lambda: self._work.read(window.start),
        )

    def _with_vcpu(self, machines: Machines) -> Machines:
        with self._lock:
            if self._filled is not None and self._filled[0] is machines:
                return self._filled[1]
        filled = fill_vcpu(machines, self._vcpu_of_types)
        with self._lock:
            self._filled = (machines, filled)
        return filled

    def _price_book(self, start: float, now: float) -> tuple[PriceBook, int]:
        with self._lock:
            kept = self._prices
            if kept is not None and kept[0] <= start and 0 <= now - kept[1] < _PRICES_S:
                return kept[2], kept[3]
        rows = self.ledger.read(lambda connection: prices.find(connection, start))
        book = price_book((each.instance_type, each.zone, each.at, each.usd_per_hour) for each in rows)
        with self._lock:
            self._prices = (start, now, book, len(rows))
        return book, len(rows)
