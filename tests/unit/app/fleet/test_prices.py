"""Prices in the ledger, from files and from Amazon EC2."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from tests.unit.cli.fleet.recorded_fleet import PRICES, ZONES, fill, write_prices

from eddyline.app.fleet.dashboard import Filters, FleetDashboard
from eddyline.app.fleet.dashboard_queries import savings
from eddyline.app.fleet.prices import import_prices, record_spot_prices
from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.fleet.dashboard.grouping import Grouping
from eddyline.fleet.record.spot_prices import SpotPrices
from eddyline.graph.ledger.fleet import prices
from eddyline.graph.ledger.ledger import Ledger


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_790_000_000.0)


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Ledger:
    return Ledger.open(tmp_path / "ledger.db", clock=clock)


def test_imported_prices_give_savings(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    on_demand, spot = write_prices(tmp_path)
    found = import_prices(ledger, on_demand=on_demand, spot=spot)
    assert (found.on_demand, found.spot) == (len(PRICES), len(PRICES) * len(ZONES))
    again = import_prices(ledger, on_demand=on_demand, spot=spot)
    assert again == found
    now = ledger.now()
    view = FleetDashboard(ledger, vcpu_of_types={}).view(now - 7 * 86_400, now, Filters())
    total = savings(view, Grouping.ALL).total
    assert total.priced_share_of_hours == pytest.approx(1)
    # Spot costs 35 % of On-Demand, and nine of ten machines are Spot.
    assert 0.5 < (total.saved_share or 0) < 0.65


def test_import_needs_a_valid_file(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file of prices"):
        import_prices(ledger, on_demand=None, spot=None)
    wrong = tmp_path / "wrong.json"
    wrong.write_text("[1]")
    with pytest.raises(UsageError, match="SpotPriceHistory"):
        import_prices(ledger, on_demand=None, spot=wrong)
    with pytest.raises(UsageError, match="mapping"):
        import_prices(ledger, on_demand=wrong, spot=None)


def test_coordinators_read_new_types_for_90_days_and_known_ones_from_their_last_change(
    ledger: Ledger, clock: ManualClock
) -> None:
    fill(ledger)
    calls: list[tuple[Collection[str], float]] = []

    def read(types: Collection[str], start: float, stop: float) -> SpotPrices:
        calls.append((sorted(types), start))
        return SpotPrices({(name, zone): [(stop - 50, 0.5)] for name in types for zone in ZONES})

    first = clock.now()
    count = record_spot_prices(ledger, read)
    ((types, start),) = calls
    assert start == first - 90 * 86_400
    assert count == len(types) * len(ZONES) > 0
    clock.advance(3600)
    record_spot_prices(ledger, read)
    assert calls[1:] == [(types, first - 50)]
    stored = ledger.read(lambda connection: prices.find(connection, 0.0))
    assert len(stored) == 2 * count


def test_without_spot_machines_nothing_is_read(ledger: Ledger) -> None:
    assert record_spot_prices(ledger, lambda *_: pytest.fail("was read")) == 0


def test_types_that_the_scaler_orders_are_read_also_while_none_runs(ledger: Ledger) -> None:
    calls: list[list[str]] = []

    def read(types: Collection[str], _start: float, stop: float) -> SpotPrices:
        calls.append(sorted(types))
        return SpotPrices({(name, "us-east-1a"): [(stop - 50, 0.5)] for name in types})

    assert record_spot_prices(ledger, read, also=["c7a.large", "c6a.large"]) == 2
    assert calls == [["c6a.large", "c7a.large"]]
