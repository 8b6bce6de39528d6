"""Costs of a range of time by asset, owner, kind and pool."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.app.accounts.accounted_fleet import ANN, BEA, HOUR, NOW, open_fleet, write_prices
from tests.unit.cli.fleet import recorded_fleet

from eddyline.app.accounts.answers import amount, fleet_costs
from eddyline.app.accounts.fleet_costs import By, CostReport, read_costs
from eddyline.app.accounts.prices import LEDGER, PriceOptions
from eddyline.app.accounts.start_columns import StartColumns
from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.fleet.accounts.money import Cost
from eddyline.fleet.catalogue.files import read_json
from eddyline.fleet.pools import load_pools
from eddyline.fleet.record.savings import savings
from eddyline.fleet.record.spot_prices import parse_spot_prices
from eddyline.graph.ledger.fleet.accounted_starts import StartRow
from eddyline.graph.ledger.ledger import Ledger

_SECOND = 1_000_000 // 2  # nano-dollars of one of the two slots of the On-Demand instance
_SPOT_SECOND = 100_000 // 2
_DAY = 24 * HOUR


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_fleet(tmp_path / "ledger.db") as opened:
        yield opened


def _read(ledger: Ledger, by: By = By.ASSET, since_s: float = _DAY, **more: Any) -> CostReport:
    options = more.pop("options", PriceOptions())
    assert isinstance(options, PriceOptions)
    return read_costs(
        ledger, load_pools(None), options, start=NOW - since_s, stop=more.pop("stop", NOW), by=by, **more
    )


def test_costs_by_asset_are_exact(ledger: Ledger) -> None:
    found = _read(ledger)
    tallies = {row.key: row.tally for row in found.rows}
    assert list(tallies) == [ANN, BEA]
    ann, bea = tallies[ANN], tallies[BEA]
    assert ann.cost == Cost(1700 * _SECOND + 100 * _SPOT_SECOND, 1700 * _SECOND)
    assert (ann.redone_starts, ann.redone_listed) == (1, 500 * _SECOND)
    assert (ann.unknown_starts, ann.unknown_us) == (3, 430_000_000)
    assert bea.cost == Cost(1000 * _SECOND, 1000 * _SECOND)
    totals = found.totals
    assert totals.instances == 2
    assert totals.instance_cost == Cost(3_600_000_000 + 180_000_000, 3_600_000_000)
    assert totals.starts + totals.boot + totals.idle + totals.drain == totals.instance_cost
    assert totals.boot == Cost(600 * 2 * _SECOND + 60 * 2 * _SPOT_SECOND, 600 * 2 * _SECOND)
    assert totals.drain == Cost(100 * 2 * _SECOND + 120 * 2 * _SPOT_SECOND, 100 * 2 * _SECOND)
    assert found.total.overhead == totals.boot + totals.idle + totals.drain


def test_costs_by_owner_kind_and_pool_have_the_same_total(ledger: Ledger) -> None:
    by_asset = _read(ledger)
    for by, keys in (
        (By.OWNER, {"ann", "bea"}),
        (By.KIND, {"chunk", "assemble", "poster", "pictures", "audio"}),
        (By.POOL, {"cpu"}),
    ):
        found = _read(ledger, by)
        assert {row.key for row in found.rows} == keys
        assert found.total == by_asset.total
        assert found.totals == by_asset.totals


@pytest.mark.parametrize("by", list(By))
def test_an_owner_sees_only_its_assets(ledger: Ledger, by: By) -> None:
    found = _read(ledger, by, owner="bea")
    assert found.total.cost == Cost(1000 * _SECOND, 1000 * _SECOND)
    assert [row.key for row in found.rows] == [
        {By.ASSET: BEA, By.OWNER: "bea", By.KIND: "chunk"}.get(by, "cpu")
    ]


def test_a_shorter_time_has_its_part_of_each_life(ledger: Ledger) -> None:
    found = _read(ledger, since_s=10 * HOUR - 1200)
    assert found.totals.instance_cost.billed == 2_400_000_000
    # The first chunk has 400 s after the start, and the lost one none.
    assert found.total.redone_starts == 0
    assert found.total.cost == Cost((400 + 200 + 1000) * _SECOND + 100 * _SPOT_SECOND, 1600 * _SECOND)


def test_a_time_in_the_past_ends_before_now(ledger: Ledger) -> None:
    found = _read(ledger, stop=NOW - 10 * HOUR + 800)
    assert found.stop == NOW - 10 * HOUR + 800
    assert found.totals.instance_cost.billed == 800_000_000
    assert (found.total.starts, found.total.slot_us) == (2, 400_000_000)
    half = NOW - 9.7 * HOUR
    parts = [_read(ledger, stop=half), _read(ledger, since_s=9.7 * HOUR)]
    assert sum(each.totals.instance_cost.billed for each in parts) == 3_600_000_000
    assert _read(ledger, stop=NOW + 100).stop == NOW


def test_files_replace_the_prices_of_the_ledger(ledger: Ledger, tmp_path: Path) -> None:
    path = write_prices(tmp_path)
    os.utime(path, (1000, 1000))
    found = fleet_costs(_read(ledger, options=PriceOptions(on_demand=path)))
    assert found.machines.instance_cost == amount(Cost(7_200_000_000 + 180_000_000, 7_200_000_000))
    assert [(each.option, each.name, each.first, each.last) for each in found.prices] == [
        ("on-demand", str(path), 1000.0, 1000.0),
        ("spot", LEDGER, NOW - 50 * HOUR, NOW - 50 * HOUR),
    ]
    history = tmp_path / "spot.json"
    history.write_text('{"SpotPriceHistory": []}')
    without = fleet_costs(_read(ledger, options=PriceOptions(spot=history)))
    assert "no Spot price" in {each.reason for each in without.unknown}
    history.write_text("[]")
    with pytest.raises(UsageError, match="SpotPriceHistory"):
        _read(ledger, options=PriceOptions(spot=history))


def test_what_is_not_known_is_listed(ledger: Ledger) -> None:
    found = fleet_costs(_read(ledger))
    assert [
        (each.reason, each.instance_type, each.instances, each.starts, each.slot_s) for each in found.unknown
    ] == [
        ("no price of this machine", "", 0, 1, 360.0),
        ("not in the fleet record", "", 1, 1, 40.0),
        ("no On-Demand price", "m1.small", 1, 1, 30.0),
    ]
    assert found.unknown[2].instance_hours == 1.0
    priced = fleet_costs(
        _read(ledger, options=PriceOptions(machine_usd_per_hour=1.0, machine_name="--machine-price"))
    )
    assert priced.machines.other == amount(Cost(100_000_000, 100_000_000))
    assert [each.option for each in priced.prices] == ["machine", "on-demand", "spot"]
    assert len(priced.unknown) == 2


def test_a_price_out_of_range_is_refused(ledger: Ledger) -> None:
    for price in (-1.0, 1e9, float("nan")):
        with pytest.raises(UsageError, match="--machine-price"):
            _read(ledger, options=PriceOptions(machine_usd_per_hour=price, machine_name="--machine-price"))


def test_columns_keep_the_starts_of_each_machine_in_order() -> None:
    columns: StartColumns[str] = StartColumns(lambda *names: names[2], start=1.5, stop=100.0)
    rows = [
        StartRow("i-1", "", "a", "cpu", "chunk", 5.0, 6.0, "lost", 1),
        StartRow("", "cpu@host:1", "b", "cpu", "audio", 2.0, None, "running", 0),
        StartRow("i-1", "", "c", "cpu", "chunk", 1.0, 2.0, "done", 0),
    ]
    columns.add(rows)
    assert columns.machines == ["i-1", "@host"]
    assert [(name, [tuple(each) for each in work]) for name, work in columns.by_machine()] == [
        ("i-1", [("chunk", 1_500_000, 2_000_000, False), ("chunk", 5_000_000, 6_000_000, True)]),
        ("@host", [("audio", 2_000_000, 100_000_000, False)]),
    ]


def test_the_cost_of_all_instances_agrees_with_the_savings(tmp_path: Path) -> None:
    """Two ways to the same sum: that of the savings in floats, and that of the accounts in integers."""
    with Ledger.open(tmp_path / "recorded.db", clock=ManualClock(NOW)) as ledger:
        recorded_fleet.fill(ledger)
        on_demand, spot = recorded_fleet.write_prices(tmp_path)
        start = NOW - 5 * _DAY
        expected = savings(
            ledger.fleet.instances(start, NOW),
            start,
            NOW,
            on_demand_prices=recorded_fleet.PRICES,
            spot_prices=parse_spot_prices(read_json(spot)),
            vcpu_of_types={},
        ).total
        found = _read(ledger, since_s=5 * _DAY, options=PriceOptions(on_demand=on_demand, spot=spot)).totals
    listed = expected.spot.cost + expected.on_demand.cost
    # AWS bills whole seconds: each instance may cost up to a second more.
    assert 0 <= found.instance_cost.listed / 1e9 - listed < found.instances * 3.3 / 3600
    free = (found.instance_cost.listed - found.instance_cost.billed) / 1e9
    assert free == pytest.approx(expected.free, abs=0.1)
    assert found.instances == expected.spot.instances + expected.on_demand.instances
    assert found.starts + found.boot + found.idle + found.drain == found.instance_cost
