from __future__ import annotations

import gc

import pytest

from eddyline.sim.engine.rare_collections import rare_collections


def test_the_collector_is_as_before_even_after_an_error() -> None:
    before = gc.get_threshold()
    found = []

    def fail() -> None:
        with rare_collections():
            found.append(gc.get_threshold()[0])
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()
    assert found[0] > before[0]
    assert gc.get_threshold() == before
    assert gc.isenabled()
