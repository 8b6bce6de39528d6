"""The machine of a worker."""

from __future__ import annotations

from eddyline.graph.db.schema import workers
from eddyline.graph.machine import MACHINE_FIELDS, Machine


def test_the_table_of_workers_has_a_column_for_each_field() -> None:
    assert set(MACHINE_FIELDS) <= set(workers.c.keys())


def test_a_machine_is_known_once_anything_of_it_was_reported() -> None:
    assert not Machine().is_known
    assert Machine(slots=2).is_known
    assert Machine(pool="cpu").is_known
