"""The machines of a fleet as columns (NumPy): statistics over 100,000 of them take milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eddyline.fleet.dashboard.window import Floats, Ints
from eddyline.graph.instance import INTERRUPTION, ON_DEMAND, OTHER, SCALE_IN, SPOT

LIFECYCLES = ("", SPOT, ON_DEMAND)
"""By code; "": not known."""
ENDS = ("", INTERRUPTION, SCALE_IN, OTHER)
"""By code; "": it runs."""
SPOT_CODE, ON_DEMAND_CODE = 1, 2
INTERRUPTION_CODE = 1

Texts = npt.NDArray[np.object_]


class Vocabulary:
    """The distinct texts of a column, each with a code: its place in `texts`."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._codes: dict[str, int] = {}
        for text in texts:
            self._codes.setdefault(text, len(self._codes))

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts by code."""
        return tuple(self._codes)

    def encode(self, column: Sequence[str]) -> Ints:
        """The codes of a column; new texts get the next codes."""
        codes = self._codes
        for text in set(column):
            codes.setdefault(text, len(codes))
        return np.fromiter(map(codes.__getitem__, column), np.int64, len(column))

    def code(self, text: str) -> int:
        """The code of a text; -1 if the column does not have it."""
        return self._codes.get(text, -1)


@dataclass(frozen=True, kw_only=True)
class Vocabularies:
    """The vocabularies of pools, instance types and zones; they grow as machines are added."""

    pool: Vocabulary
    type: Vocabulary
    zone: Vocabulary

    @classmethod
    def empty(cls) -> Vocabularies:
        """Without any text."""
        return cls(pool=Vocabulary(), type=Vocabulary(), zone=Vocabulary())


@dataclass(frozen=True, kw_only=True)
class Machines:
    """Columns of equal length; codes are those of `words`, `LIFECYCLES` and `ENDS`.

    Times are seconds since 1970, NaN where not known or not happened; `vcpu` is 0 where not known.
    """

    words: Vocabularies
    name: Texts
    pool: Ints
    type: Ints
    zone: Ints
    lifecycle: Ints
    vcpu: Ints
    ended_by: Ints
    launched: Floats
    terminated: Floats
    warned: Floats
    rebalance: Floats
    scale_in: Floats

    def __len__(self) -> int:
        return len(self.name)

    def where(self, chosen: npt.NDArray[Any]) -> Machines:
        """The machines at some places, or those for which a column of booleans is true."""
        places = chosen
        if chosen.dtype == np.bool_:
            places = np.flatnonzero(chosen)
            if len(places) == len(self):
                return self
        columns: dict[str, Any] = {name: getattr(self, name).take(places) for name in _COLUMNS}
        return replace(self, **columns)

    def updated(self, places: Ints, fresh: Machines) -> Machines:
        """These machines with those at some places replaced by others of the same vocabularies."""
        columns: dict[str, Any] = {name: getattr(self, name).copy() for name in _COLUMNS}
        for name, column in columns.items():
            column[places] = getattr(fresh, name)
        return replace(self, **columns)

    def joined(self, more: Machines) -> Machines:
        """These machines and others of the same vocabularies."""
        columns: dict[str, Any] = {
            name: np.concatenate((getattr(self, name), getattr(more, name))) for name in _COLUMNS
        }
        return replace(self, **columns)


_COLUMNS = tuple(each.name for each in fields(Machines) if each.name != "words")


def machines_of(rows: Sequence[tuple[Any, ...]], words: Vocabularies) -> Machines:
    """The machines of rows with the columns of `graph.ledger.fleet.machine_rows.COLUMNS`."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * 12
    names = np.empty(len(rows), np.object_)
    names[:] = columns[0]
    return Machines(
        words=words,
        name=names,
        pool=words.pool.encode(columns[1]),
        type=words.type.encode(columns[2]),
        zone=words.zone.encode(columns[3]),
        lifecycle=Vocabulary(LIFECYCLES).encode(columns[4]),
        vcpu=np.array([value or 0 for value in columns[5]], np.int64),
        ended_by=Vocabulary(ENDS).encode(columns[6]),
        **{
            name: np.array(column, np.float64)
            for name, column in zip(
                ("launched", "terminated", "warned", "rebalance", "scale_in"), columns[7:], strict=True
            )
        },
    )


def fill_vcpu(machines: Machines, vcpu_of_types: Mapping[str, int]) -> Machines:
    """The machines with the vCPU of their types where no event said them.

    Those of other machines of the type count first, then `vcpu_of_types`.
    """
    types = machines.words.type.texts
    known = np.array([vcpu_of_types.get(name, 0) for name in types], np.int64)
    stated = machines.vcpu > 0
    known[machines.type[stated]] = machines.vcpu[stated]
    if bool(stated.all()) or not len(types):
        return machines
    return replace(machines, vcpu=np.where(stated, machines.vcpu, known[machines.type]))
