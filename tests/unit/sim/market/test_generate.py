"""Generated markets: hazards by band, shares of time without capacity, waves, seeds."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from typing import Any

import pytest
from pydantic import ValidationError

from eddyline.core.errors import UsageError
from eddyline.sim.market.figures import summary
from eddyline.sim.market.file import encode_market
from eddyline.sim.market.generate import BAND_SHARES, MONTH_H, chosen_types, generate, pool_hazard
from eddyline.sim.market.generated_spec import PRESETS, GeneratedMarket
from eddyline.sim.market.market import Market
from eddyline.sim.market.parse import parse_market
from eddyline.sim.market.strict_json import parse_json
from eddyline.sim.types import builtin_types

DAY_S = 86_400.0
MONTH_S = 30 * DAY_S
TYPES = ["c8g.16xlarge", "c7a.12xlarge"]


def spec(**fields: Any) -> GeneratedMarket:
    return GeneratedMarket.model_validate({"types": TYPES, **fields})


def made(seed: int = 1, end_s: float = MONTH_S, **fields: Any) -> Market:
    return generate(spec(**fields), types=builtin_types(), seed=seed, end_s=end_s)


def test_each_type_has_a_pool_in_each_zone() -> None:
    market = made()
    assert [pool.name for pool in market.pools] == [f"{name}/{zone}" for name in TYPES for zone in "abc"]
    assert all(pool.capacity == ((0.0, 100),) and not pool.waves for pool in market.pools)


@pytest.mark.parametrize("band", range(5))
def test_the_share_of_the_band_is_interrupted_in_a_month(band: int) -> None:
    hazard = pool_hazard(spec(), band)
    steps = 20_000
    total = sum(hazard.at((n + 0.5) * MONTH_H * 3600 / steps) for n in range(steps)) * MONTH_H / steps
    assert 1 - math.exp(-total) == pytest.approx(BAND_SHARES[band], rel=2e-3)


def test_the_hazard_is_scaled_or_given() -> None:
    assert pool_hazard(spec(hazard_scale=20), 4).per_hour == pytest.approx(
        20 * pool_hazard(spec(), 4).per_hour
    )
    hostile = pool_hazard(spec(preset="hostile"), 0)
    lives = [hostile.lifetime(random.Random(seed)) for seed in range(2000)]
    assert 3600 / statistics.fmean(lives) == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize(("preset", "share", "all_dark"), [("scarce", 0.15, 0.0), ("dark", 0.4, 0.2)])
def test_pools_are_dark_for_their_share_of_the_time(preset: str, share: float, all_dark: float) -> None:
    markets = [made(seed, preset=preset) for seed in range(4)]
    dark = statistics.fmean(figures.dark for market in markets for figures in summary(market))
    assert dark == pytest.approx(share, abs=0.02)
    times = [n * 600.0 for n in range(int(MONTH_S / 600))]
    together = statistics.fmean(
        not any(pool.count_at(t) for pool in market.pools) for market in markets[:2] for t in times
    )
    assert together == pytest.approx(all_dark, abs=0.03)


def test_waves_reach_a_type_in_all_zones_or_a_zone_in_all_types() -> None:
    market = made(preset="choppy", wave_share=0.25)
    assert statistics.fmean(len(pool.waves) for pool in market.pools) == pytest.approx(60, rel=0.25)
    by_pool = {pool.name: {wave.at for wave in pool.waves} for pool in market.pools}
    shared = by_pool["c8g.16xlarge/a"] & by_pool["c8g.16xlarge/b"]
    assert shared == by_pool["c8g.16xlarge/a"] & by_pool["c8g.16xlarge/c"]
    assert by_pool["c8g.16xlarge/a"] - shared <= by_pool["c7a.12xlarge/a"]
    assert not by_pool["c8g.16xlarge/a"] & by_pool["c7a.12xlarge/b"]
    assert all(wave.share == 0.25 for pool in market.pools for wave in pool.waves)


def test_a_market_is_the_same_for_the_same_seed() -> None:
    assert made(7, preset="dark") == made(7, preset="dark")
    assert made(7, preset="dark") != made(8, preset="dark")


def test_a_further_type_does_not_change_the_pools_of_others() -> None:
    few, more = made(preset="scarce"), made(preset="scarce", types=[*TYPES, "m5.8xlarge"])
    assert few.pools == more.pools[: len(few.pools)]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_valid_market(preset: str) -> None:
    market = made(preset=preset, wave_every_h=6)
    assert parse_market(parse_json(encode_market(market), "m"), "m") == market
    for pool in market.pools:
        assert all(a[0] < b[0] and a[1] != b[1] for a, b in itertools.pairwise(pool.capacity))


def test_keys_of_the_scenario_replace_those_of_the_preset() -> None:
    assert spec(preset="scarce", scarcity=0.3).scarcity == 0.3
    assert spec(preset="choppy").hazard_scale == 20


def test_lists_of_the_table_name_types() -> None:
    assert chosen_types(spec(types=["c3.4xlarge"], lists=["classic"]), builtin_types()) == [
        "c3.4xlarge",
        "c3.8xlarge",
        "c4.4xlarge",
        "c4.8xlarge",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"types": []},
        {"preset": "stormy"},
        {"preset": ["calm"]},
        {"scarcity": 0.1, "dark_together": 0.2},
        {"hazard_scale": -1},
        {"hazard_scale": math.nan},
        {"zones": 21},
        {"types": ["C8G"]},
        {"color": 1},
    ],
)
def test_a_wrong_spec_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**fields)


def test_unknown_types_and_lists_are_refused() -> None:
    with pytest.raises(UsageError, match=r"no type or list c99\.large"):
        made(types=["c99.large"])
    with pytest.raises(UsageError, match="no type or list best"):
        made(lists=["best"])


def test_the_size_of_a_market_is_bounded() -> None:
    with pytest.raises(UsageError, match="changes and waves"):
        made(preset="dark", dark_mean_s=60, zones=20, end_s=12 * MONTH_S)
    with pytest.raises(UsageError, match="is not a duration"):
        made(end_s=0)
