"""The machine of a worker."""

from __future__ import annotations

import pytest

from eddyline.fleet.notices import INSTANCE_ID
from eddyline.graph.db.schema import workers
from eddyline.graph.machine import MACHINE_FIELDS, Machine, is_instance, is_instance_type, is_zone


def test_the_table_of_workers_has_a_column_for_each_field() -> None:
    assert set(MACHINE_FIELDS) <= set(workers.c.keys())


def test_a_machine_is_known_once_anything_of_it_was_reported() -> None:
    assert not Machine().is_known
    assert Machine(slots=2).is_known
    assert Machine(pool="cpu").is_known


def test_values_of_instance_metadata_are_recognized() -> None:
    assert all(map(is_instance, ("", "i-0123abcd", "i-0123456789abcdef0")))
    assert all(
        map(is_instance_type, ("", "c5.4xlarge", "m7i-flex.large", "u-6tb1.112xlarge", "mac2-m1ultra.metal"))
    )
    assert all(map(is_zone, ("", "eu-central-1a", "us-west-2-lax-1a")))


@pytest.mark.parametrize("text", ["i-", "i-0123", "i-0123456789ABCDEF0", "i-0123abcd\n", "mi-0123abcd", " "])
def test_other_text_is_not_the_id_of_an_instance(text: str) -> None:
    assert not is_instance(text)
    assert not INSTANCE_ID.fullmatch(text)  # as in events
