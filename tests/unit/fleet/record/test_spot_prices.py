"""Spot prices over time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.record.spot_prices import Covered, SpotPrices, parse_spot_prices

_POOL = ("c7i.8xlarge", "us-east-1a")
_PRICES = SpotPrices({_POOL: [(7200.0, 0.30), (0.0, 0.20), (3600.0, 0.40)]})


@pytest.mark.parametrize(
    ("start", "stop", "seconds", "cost"),
    [
        (0, 3600, 3600, 0.20),
        (1800, 5400, 3600, 0.10 + 0.20),
        (0, 10_800, 10_800, 0.90),
        (9000, 12_600, 3600, 0.30),  # the last price lasts
        (-3600, 3600, 3600, 0.20),  # unknown before the first price
        (-100, 0, 0, 0.0),
        (50, 50, 0, 0.0),
    ],
)
def test_the_cost_follows_the_changes_of_the_price(
    start: float, stop: float, seconds: float, cost: float
) -> None:
    found = _PRICES.cost(*_POOL, start, stop)
    assert found.seconds == pytest.approx(seconds)
    assert found.cost == pytest.approx(cost)


def test_another_type_or_zone_has_no_price() -> None:
    assert _PRICES.cost("c7i.8xlarge", "us-east-1b", 0, 3600) == Covered(seconds=0.0, cost=0.0)


@given(st.floats(0, 20_000), st.floats(0, 20_000), st.floats(0, 20_000))
def test_the_costs_of_two_parts_add_up(first: float, second: float, third: float) -> None:
    start, middle, stop = sorted((first, second, third))
    whole = _PRICES.cost(*_POOL, start, stop)
    parts = _PRICES.cost(*_POOL, start, middle), _PRICES.cost(*_POOL, middle, stop)
    assert whole.cost == pytest.approx(sum(part.cost for part in parts), abs=1e-9)
    assert whole.seconds == pytest.approx(stop - start)


def _entry(**more: Any) -> dict[str, Any]:
    return {
        "AvailabilityZone": "us-east-1a",
        "InstanceType": "c7i.8xlarge",
        "ProductDescription": "Linux/UNIX",
        "SpotPrice": "0.450000",
        "Timestamp": "2027-01-15T08:00:00+00:00",
        **more,
    }


def test_the_output_of_the_aws_cli_is_read() -> None:
    windows = _entry(ProductDescription="Windows", SpotPrice="9.0")
    prices = parse_spot_prices({"SpotPriceHistory": [_entry(), windows], "NextToken": ""})
    assert prices.cost(*_POOL, 1_800_000_000, 1_800_003_600).cost == pytest.approx(0.45)


@pytest.mark.parametrize(
    ("plain", "problem"),
    [
        ([], "SpotPriceHistory"),
        ({"SpotPriceHistory": "x"}, "SpotPriceHistory"),
        ({"SpotPriceHistory": [1]}, r"\[0\] is not an object"),
        ({"SpotPriceHistory": [_entry(), _entry(SpotPrice="x")]}, r"\[1\].SpotPrice"),
        ({"SpotPriceHistory": [_entry(SpotPrice="nan")]}, "SpotPrice"),
        ({"SpotPriceHistory": [_entry(SpotPrice=None)]}, "SpotPrice"),
        ({"SpotPriceHistory": [_entry(SpotPrice="-1")]}, "SpotPrice"),
        ({"SpotPriceHistory": [_entry(Timestamp="yesterday")]}, "Timestamp"),
        ({"SpotPriceHistory": [_entry(Timestamp=None)]}, "Timestamp"),
    ],
)
def test_another_file_is_refused_with_the_place(plain: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_spot_prices(plain)
