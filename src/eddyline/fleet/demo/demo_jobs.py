"""The jobs of the demonstration: chunks on each machine, and what interruptions do to the running ones."""

from __future__ import annotations

import random

from eddyline.fleet.demo.history import Life, start_of
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.starts import Start

_BEFORE_END_S = 1800.0  # only the last starts of a machine are generated, and not those of all slots
_SLOTS = 3
_IDLE = 0.06
_MISSED = 0.04
_UNMEASURED = 0.08
_LEASE_S = 45.0
_BUSY = 0.9  # the share of a slot's time in which FFmpeg uses its CPUs
_SLOT_VCPU = 2
_ENDS_SOON_S = 60.0  # jobs that would end within this time of the notice are finished


def starts_on(life: Life, rng: random.Random, *, now: float) -> list[Start]:
    """The last starts on a machine: done ones, and where it was interrupted those that did not count."""
    end = now if life.terminated is None else life.terminated
    notice = end
    if life.ended_by == "interruption":
        notice = end - 2.0 if life.warned is None else life.warned
    found: list[Start] = []
    at_work = 0 if rng.random() < _IDLE else _SLOTS
    missed = life.ended_by == "interruption" and (life.warned is None or rng.random() < _MISSED)
    for slot in range(at_work):
        at = max(end - _BEFORE_END_S, life.launched + rng.uniform(20, 60))
        while at < notice:
            length = rng.lognormvariate(4.4, 0.6)  # a median of 80 s
            if at + length < notice:
                found.append(_start(life, len(found), rng, at, at + length, StartOutcome.DONE))
            elif life.ended_by == "interruption":
                found.append(
                    _last(life, len(found), rng, at, at + length, notice, missed=missed and slot == 0)
                )
            at += length + rng.uniform(0.2, 2)
    return found


def _last(
    life: Life, number: int, rng: random.Random, started: float, done: float, notice: float, *, missed: bool
) -> Start:
    """The start that runs when the notice arrives: done in time, handed back, or lost."""
    end = life.terminated or notice
    if missed:
        return _start(life, number, rng, started, end + _LEASE_S, StartOutcome.LOST)
    back = min(notice + rng.lognormvariate(1.0, 0.9), end - 5.0)
    if done - notice < _ENDS_SOON_S and done < end - 10:
        return _start(life, number, rng, started, done, StartOutcome.DONE)
    return _start(life, number, rng, started, max(back, started + 0.1), StartOutcome.INTERRUPTED)


def _start(
    life: Life, number: int, rng: random.Random, started: float, ended: float, outcome: StartOutcome
) -> Start:
    measured = outcome is not StartOutcome.LOST and rng.random() >= _UNMEASURED
    cpu_s = (ended - started) * _BUSY * _SLOT_VCPU if measured else None
    return start_of(life, number, started, ended, outcome, cpu_s)
