"""Figures of markets."""

from __future__ import annotations

import pytest
from tests.unit.sim.market.markets import market, pool

from eddyline.sim.market.figures import summary


def test_figures_of_a_capacity_pool() -> None:
    (found,) = summary(market(pool(capacity=((0.0, 2), (1800.0, 0), (3600.0, 5), (5400.0, 1)))))
    assert (found.least, found.most, found.added, found.reclaimed) == (0, 5, 7, 6)
    assert found.mean == pytest.approx((2 + 0 + 5 + 1) / 4)
    assert found.dark == pytest.approx(0.25)
    assert found.reclaims_per_unit_hour == pytest.approx(6 / 4)


def test_figures_of_a_nodes_pool() -> None:
    (found,) = summary(market(pool(nodes=((1800.0, 5400.0), (3600.0, None)))))
    assert (found.least, found.most, found.added, found.reclaimed) == (0, 2, 2, 1)
    assert found.dark == pytest.approx(0.25)
    assert found.reclaims_per_unit_hour == pytest.approx(1 / 2)


def test_a_pool_without_capacity_is_dark() -> None:
    (found,) = summary(market(pool(capacity=((0.0, 0),))))
    assert (found.dark, found.reclaims_per_unit_hour, found.mean) == (1, 0, 0)
