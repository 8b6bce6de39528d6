"""Groups of the cells of a cube by pool, instance type, Availability Zone, or all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from eddyline.fleet.dashboard.cube import Cube
from eddyline.fleet.dashboard.machines import Machines
from eddyline.fleet.dashboard.window import Floats, Ints

UNKNOWN = "not known"
"""The group of the machines whose pool, type or zone no event said."""
ALL = "all"


class Grouping(StrEnum):
    """What figures are grouped by."""

    ALL = "all"
    POOL = "pool"
    TYPE = "type"
    ZONE = "zone"


@dataclass(frozen=True, kw_only=True)
class Groups:
    """The keys of the groups, and the group of each cell of a cube."""

    keys: Sequence[str]
    group: Ints

    def sum(self, matrix: Floats) -> Floats:
        """A matrix of the cube, added up to one row for each group."""
        found = np.zeros((len(self.keys), matrix.shape[1]))
        np.add.at(found, self.group, matrix)
        return found


def groups_of(cube: Cube, by: Grouping) -> Groups:
    """The groups that occur in a cube, by name; those of unknown last."""
    if by is Grouping.ALL:
        return Groups(keys=(ALL,), group=np.zeros(len(cube.cells), np.int64))
    codes = {Grouping.POOL: cube.cells.pool, Grouping.TYPE: cube.cells.type, Grouping.ZONE: cube.cells.zone}[
        by
    ]
    texts = texts_of(cube.machines, by)
    used = sorted({int(code) for code in codes}, key=lambda code: (not texts[code], texts[code]))
    place = np.zeros(len(texts), np.int64)
    place[used] = np.arange(len(used))
    return Groups(keys=[texts[code] or UNKNOWN for code in used], group=place[codes])


def texts_of(machines: Machines, by: Grouping) -> tuple[str, ...]:
    """The texts of the column that `by` groups, by code; empty for ALL."""
    words = machines.words
    found = {Grouping.POOL: words.pool, Grouping.TYPE: words.type, Grouping.ZONE: words.zone}.get(by)
    return () if found is None else found.texts


def chosen(machines: Machines, *, pool: str = "", instance_type: str = "", zone: str = "") -> Machines:
    """The machines of a pool, type and zone; an empty filter chooses all, `UNKNOWN` those without a value."""
    keep = np.ones(len(machines), np.bool_)
    for wanted, column, words in (
        (pool, machines.pool, machines.words.pool),
        (instance_type, machines.type, machines.words.type),
        (zone, machines.zone, machines.words.zone),
    ):
        if wanted:
            keep &= column == words.code("" if wanted == UNKNOWN else wanted)
    return machines if bool(keep.all()) else machines.where(keep)
