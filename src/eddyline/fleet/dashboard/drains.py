"""From the notice of an interruption to the last job that left the machine, and the work that was redone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt

from eddyline.fleet.dashboard.quantiles import Quantiles, quantiles_of
from eddyline.fleet.dashboard.window import Floats, Ints
from eddyline.graph.ledger.fleet.interrupted_work import InterruptedWork


@dataclass(frozen=True, kw_only=True)
class InterruptedMachines:
    """Interrupted machines as columns: when each was warned (NaN: not), and the work on it.

    `drained` is when the last job had ended (seconds since 1970; NaN: nothing ran on it).
    """

    warned: Floats
    drained: Floats
    lost: Floats
    redone: Floats
    redone_s: Floats
    redone_cpu_s: Floats
    unmeasured: Floats

    def __len__(self) -> int:
        return len(self.warned)

    @property
    def drained_s(self) -> Floats:
        """Seconds from the notice until the last job had ended; NaN if idle, not warned, or missed."""
        return np.where(self.lost > 0, np.nan, np.maximum(self.drained - self.warned, 0.0))

    def where(self, chosen: npt.NDArray[np.bool_]) -> InterruptedMachines:
        """Those for which `chosen` is true."""
        return InterruptedMachines(**{name: column[chosen] for name, column in vars(self).items()})


_NAMES = InterruptedWork._fields
_NOTHING = InterruptedWork(math.nan, 0, 0, 0.0, 0.0, 0)


def interrupted_machines(
    warned: Floats, names: Iterable[str], work: Mapping[str, InterruptedWork]
) -> InterruptedMachines:
    """The columns of machines with these names, which were warned at these times; `work` ran on them."""
    rows = map(work.get, names, repeat(_NOTHING))
    values = np.fromiter(chain.from_iterable(rows), np.float64, len(warned) * len(_NAMES))
    columns = np.ascontiguousarray(values.reshape(len(warned), len(_NAMES)).T)
    return InterruptedMachines(warned=warned, **dict(zip(_NAMES, columns, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Drains:
    """The interruptions of one group (`key`), and how their machines were drained.

    `drained_s` are the seconds from the notice until the last job had ended, of the machines that ran jobs
    and lost none. `missed` machines lost a job: `missed_share` of those with jobs. `without_notice` (some of
    them missed) were not warned, and `idle` ones ran no job. Of the redone starts, workers did not report the
    CPU seconds of `redone_unmeasured`.
    """

    key: str
    interruptions: int
    drained_s: Quantiles
    missed: int
    missed_share: float | None
    without_notice: int
    idle: int
    redone_starts: int
    redone_s: float
    redone_cpu_s: float
    redone_unmeasured: int
    redone_s_per_interruption: float | None


BUCKETS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0)
"""The upper bounds of the histogram of seconds from notice to drained; one more bucket is above."""


def drains_of(key: str, machines: InterruptedMachines) -> Drains:
    """The sums over interrupted machines."""
    drained = machines.drained_s
    busy = int((~np.isnan(machines.drained)).sum())
    missed = int((machines.lost > 0).sum())
    redone_s = float(machines.redone_s.sum())
    return Drains(
        key=key,
        interruptions=len(machines),
        drained_s=quantiles_of(drained[~np.isnan(drained)]),
        missed=missed,
        missed_share=missed / busy if busy else None,
        without_notice=int(np.isnan(machines.warned).sum()),
        idle=len(machines) - busy,
        redone_starts=int(machines.redone.sum()),
        redone_s=redone_s,
        redone_cpu_s=float(machines.redone_cpu_s.sum()),
        redone_unmeasured=int(machines.unmeasured.sum()),
        redone_s_per_interruption=redone_s / len(machines) if len(machines) else None,
    )


def grouped_drains(machines: InterruptedMachines, codes: Ints, keys: Sequence[str]) -> list[Drains]:
    """The sums by group, most interruptions first; `codes` are the machines' groups: places in `keys`."""
    found = [drains_of(keys[code], machines.where(codes == code)) for code in np.unique(codes).tolist()]
    return sorted(found, key=lambda each: (-each.interruptions, each.key))


def histogram(machines: InterruptedMachines) -> Mapping[float, int]:
    """How many machines were drained within each bound of `BUCKETS_S` but not the one before; inf: later."""
    drained = machines.drained_s
    bucket = np.searchsorted(BUCKETS_S, drained[~np.isnan(drained)], side="left")
    counts = np.bincount(bucket, minlength=len(BUCKETS_S) + 1)
    return dict(zip((*BUCKETS_S, math.inf), counts.tolist(), strict=True))
