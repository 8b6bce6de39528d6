from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import UsageError
from eddyline.sim.market.file import write_market
from eddyline.sim.market.market import Market, MarketPool
from eddyline.sim.offers import instances_per_unit, market_slots
from eddyline.sim.scenario import Scenario, read_scenario
from eddyline.sim.world import World


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def trace(path: Path, kind: str = "g4dn.xlarge") -> Market:
    pool = MarketPool(name="p", type=kind, zone="a", units=10, capacity=((0.0, 10), (1800.0, 2), (3000.0, 8)))
    market = Market(name="m", source="made up", licence="", note="", end_s=3600.0, pools=(pool,))
    write_market(path, market)
    return market


def test_every_key_has_a_default(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path / "calm.yaml", "{}"))
    assert scenario.name == "calm"
    assert scenario.market.spec().preset == "calm"
    assert scenario.deadlines == ("tight", 15.0, 60.0)
    assert read_scenario(write(tmp_path / "empty.yaml", "")).name == "empty"


def test_paths_are_relative_to_the_scenario(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path / "s.yaml", "market: {file: m.json, units: 3, rotations: 6}"))
    assert scenario.market.file == str(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("markt: {}", "1: markt: unknown key"),
        ("market: {units: 3}", "market.units: is for a market in a file"),
        ("market:\n  file: a\n  generated: {preset: calm, lists: [classic]}", "3: market.generated"),
        ("policies: [best]", "policies[0]: one of"),
        ("policies: []", "policies: is empty"),
        ("deadlines: [0]", "deadlines"),
        ("notice: {absent: 0.7, late: 0.7}", "notice.late"),
        ("seeds: 0", "seeds"),
        ("types: {'../x': {}}", "types"),
        ("boot_s: .nan", "boot_s"),
    ],
)
def test_an_error_names_the_line_and_the_key(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UsageError) as error:
        read_scenario(write(tmp_path / "s.yaml", text))
    assert problem in error.value.message


def test_a_market_file_is_rotated_and_scaled_to_the_fleet(tmp_path: Path) -> None:
    market = trace(tmp_path / "m.json")
    path = write(tmp_path / "s.yaml", "{market: {file: m.json, rotations: 3}, workload: {slots: 300}}")
    world = World(read_scenario(path), 1)
    offers = world.supply.offers
    assert [offer.name for offer in offers] == ["p+0", "p+1", "p+2"]
    # g4dn.xlarge: 105 frames/s measured, 22 in a reference slot.
    assert offers[0].power == pytest.approx(105 / 22)
    # 10 units of 4.77 slots are 47.7: seven instances for each unit hold 300.
    assert instances_per_unit(market, offers[:1], 300.0) == 7
    assert world.supply.market.pools[0].count_at(0.0) == 70
    most, mean = market_slots(world.supply.market, offers)
    assert mean == pytest.approx(3 * 7 * (10 * 1800 + 2 * 1200 + 8 * 600) / 3600 * 105 / 22)
    assert most <= 3 * 70 * 105 / 22
    assert world.end_s == 3600.0


def test_units_of_the_scenario_count(tmp_path: Path) -> None:
    trace(tmp_path / "m.json")
    world = World(read_scenario(write(tmp_path / "s.yaml", "market: {file: m.json, units: 2}")), 1)
    assert world.supply.market.pools[0].count_at(0.0) == 20


def test_a_type_that_is_not_known_is_assumed_and_said(tmp_path: Path) -> None:
    trace(tmp_path / "m.json", "z9.large")
    world = World(read_scenario(write(tmp_path / "s.yaml", "market: {file: m.json}")), 1)
    (offer,) = world.supply.offers
    assert (offer.slots, offer.speed, offer.own_usd_h) == (2, 1.0, 1.0)
    assert offer.usd_h == pytest.approx(0.36)
    assert world.assumed_types == {"z9.large"}


def test_a_type_of_the_scenario_replaces_the_table(tmp_path: Path) -> None:
    trace(tmp_path / "m.json")
    text = "{market: {file: m.json}, types: {g4dn.xlarge: {vcpu: 8, on_demand_usd_h: 2, discount: 0.5}}}"
    (offer,) = World(read_scenario(write(tmp_path / "s.yaml", text)), 1).supply.offers
    assert (offer.slots, offer.own_usd_h, offer.usd_h) == (4, 2.0, 1.0)


def test_the_baselines_are_those_of_the_table() -> None:
    world = World(Scenario(), 1)
    assert {offer.type.split(".")[0] for offer in world.best_on_demand} == {"c8g"}
    assert all(offer.vcpu >= 2 for offer in world.supply.offers)
    (classic,) = world.on_demand(["c4.4xlarge"])
    assert classic.usd_h / classic.power == pytest.approx(0.796 / (16 * 5.625 / 22))
