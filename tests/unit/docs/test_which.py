"""`python -m tests.which` finds the tests of every module."""

from __future__ import annotations

import pytest
from tests import which

MODULES = sorted(
    name
    for name, path in which.modules().items()
    if name.startswith("eddyline.") and path.name not in {"__init__.py", "__main__.py"}
)


def test_the_test_file_of_the_same_name_comes_first() -> None:
    assert which.tests_of("eddyline.graph.ledger.leases")[0] == (0, "tests/unit/graph/ledger/test_leases.py")


def test_importers_are_ordered_by_distance() -> None:
    steps = [distance for distance, _ in which.tests_of("eddyline.fleet.drain.policy")]
    assert steps == sorted(steps)
    assert 1 in steps


@pytest.mark.parametrize("package", sorted({name.split(".")[1] for name in MODULES}))
def test_every_module_of_a_package_has_tests(package: str) -> None:
    names = [name for name in MODULES if name.split(".")[1] == package]
    assert [name for name in names if not which.tests_of(name)] == []
