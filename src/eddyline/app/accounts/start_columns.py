"""The starts of a range of time as columns of numbers: a million of them take about 30 MB."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from eddyline.fleet.accounts.slot_time import microseconds
from eddyline.fleet.accounts.started_work import Work, machine_of

Key = TypeVar("Key")

_US = 1_000_000


class StartColumns(Generic[Key]):
    """Starts by machine. `key_of(job, pool, kind)` is what the cost of a start is added to.

    A machine is the id of an EC2 instance, or the name of another machine after "@". Starts count with their
    part between `start` and `stop` (seconds since 1970; `stop` is at most now).
    """

    def __init__(self, key_of: Callable[[str, str, str], Key], *, start: float, stop: float) -> None:
        self._key_of = key_of
        self._start, self._stop = microseconds(start), microseconds(stop)
        self._machines: dict[str, int] = {}
        self._keys: list[Key] = []
        self._places: dict[int, int] = {}
        self._columns = array("i"), array("q"), array("q"), array("i"), array("b")

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add starts, as `StartRow` or as plain rows with its fields; one that runs ends at `stop`."""
        start, stop = self._start, self._stop
        add_machine, add_begin, add_end, add_key, add_redone = (each.append for each in self._columns)
        machines, places, key_of = self._machines, self._places, self._key_of
        for instance, worker, job_id, pool, kind, started, ended, _, redone in rows:
            name = instance or f"@{machine_of(worker)}"
            code = machines.get(name)
            if code is None:
                code = machines[name] = len(machines)
            key = key_of(job_id, pool, kind)
            place = places.get(id(key))
            if place is None:
                place = places[id(key)] = len(self._keys)
                self._keys.append(key)
            add_machine(code)
            add_begin(max(round(started * _US), start))
            add_end(stop if ended is None else min(round(ended * _US), stop))
            add_key(place)
            add_redone(redone)

    @property
    def machines(self) -> list[str]:
        """The machines that have starts."""
        return list(self._machines)

    def by_machine(self) -> Iterator[tuple[str, list[Work]]]:
        """The starts of each machine, in order of their begin."""
        machine, begin, end, key, redone = (np.array(column) for column in self._columns)
        order = np.lexsort((end, begin, machine))
        bounds = np.searchsorted(machine[order], np.arange(len(self._machines) + 1))
        for name, code in self._machines.items():
            chosen = order[bounds[code] : bounds[code + 1]]
            work = [
                Work(self._keys[place], first, last, bool(again))
                for place, first, last, again in zip(
                    key[chosen].tolist(),
                    begin[chosen].tolist(),
                    end[chosen].tolist(),
                    redone[chosen].tolist(),
                    strict=True,
                )
            ]
            yield name, work
