"""The cost of one asset, with its starts, renditions and minutes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.app.accounts.accounted_fleet import ANN, BEA, IDLE, NOW, open_fleet

from eddyline.app.accounts.answers import amount, asset_costs
from eddyline.app.accounts.asset_report import AssetReport, kinds_in_order, read_asset_costs
from eddyline.app.accounts.fleet_costs import By, read_costs
from eddyline.app.accounts.prices import PriceOptions
from eddyline.app.accounts.rendition_weights import read_encode_weights, weights_of_manifest
from eddyline.core.errors import UsageError
from eddyline.fleet.accounts.money import Cost
from eddyline.fleet.pools import load_pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.ladder.cost import encode_weights, estimate_cpu_s
from eddyline.media.ladder.ladder import Rung
from eddyline.store.local import LocalStore

_SECOND, _SPOT_SECOND = 500_000, 50_000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_fleet(tmp_path / "ledger.db") as opened:
        yield opened


def _read(ledger: Ledger, asset: str = ANN, **more: Any) -> AssetReport:
    options = PriceOptions(machine_usd_per_hour=more.pop("machine", None), machine_name="--machine-price")
    weights = {"1080p": 2, "720p": 1}
    found = read_asset_costs(ledger, load_pools(None), options, asset, weights=weights, **more)
    assert found is not None
    return found


def test_an_asset_costs_the_same_as_in_the_report_of_all(ledger: Ledger) -> None:
    every = read_costs(ledger, load_pools(None), PriceOptions(), start=NOW - 86_400.0, stop=NOW, by=By.ASSET)
    rows = {row.key: row.tally for row in every.rows}
    for asset in (ANN, BEA):
        assert _read(ledger, asset).cost.total == rows[asset]


def test_kinds_renditions_and_minutes(ledger: Ledger) -> None:
    found = asset_costs(_read(ledger))
    chunks = Cost(1500 * _SECOND + 100 * _SPOT_SECOND, 1500 * _SECOND)
    assert (found.owner, found.duration_s) == ("ann", 30.0)
    by_kind = {each.key: each.work for each in found.kinds}
    assert list(by_kind) == ["poster", "pictures", "chunk", "audio", "assemble"]
    assert by_kind["chunk"].cost == amount(chunks)
    assert by_kind["poster"].cost is None
    assert by_kind["poster"].unknown_starts == 1
    large, small = found.renditions
    assert large.encode.listed_nanousd + small.encode.listed_nanousd == chunks.listed
    assert large.encode.billed_nanousd == 500_000_000
    assert small.assemble == amount(Cost(200 * _SECOND, 200 * _SECOND))
    assert large.minute is not None
    assert large.minute.billed_nanousd == 1_000_000_000
    assert found.minute is not None
    assert found.minute.billed_nanousd == 2 * 1700 * _SECOND
    assert found.shared == amount(Cost(0, 0))
    assert {each.reason: each.starts for each in found.unknown} == {
        "no On-Demand price": 1,
        "not in the fleet record": 1,
        "no price of this machine": 1,
    }
    lost = next(each for each in found.jobs if each.job.endswith("chunk-0001"))
    assert [(each.outcome, each.redone) for each in lost.starts] == [("lost", True), ("done", False)]
    assert lost.cost == amount(Cost(500 * _SECOND + 100 * _SPOT_SECOND, 500 * _SECOND))
    assert [each.option for each in found.prices] == ["on-demand", "spot"]


def test_a_price_of_the_machine_prices_work_outside_ec2(ledger: Ledger) -> None:
    found = asset_costs(_read(ledger, machine=1.0))
    by_kind = {each.key: each.work for each in found.kinds}
    assert by_kind["audio"].cost == amount(Cost(100_000_000, 100_000_000))
    assert found.shared == amount(Cost(100_000_000, 100_000_000))


def test_unknown_assets_and_too_many_starts(ledger: Ledger) -> None:
    assert read_asset_costs(ledger, load_pools(None), PriceOptions(), "f" * 16, weights={}) is None
    with pytest.raises(UsageError, match="more than 1 starts"):
        _read(ledger, max_starts=1)


def test_an_asset_without_starts_has_no_cost(ledger: Ledger) -> None:
    found = asset_costs(_read(ledger, IDLE))
    assert (found.total.cost, found.minute, found.shared, found.kinds) == (None, None, None, [])


def test_weights_come_from_the_manifest(tmp_path: Path) -> None:
    assert weights_of_manifest({"run": {"cost": {"encode_weights": {"720p": 5}}}}) == {"720p": 5}
    invalid: tuple[dict[str, Any], ...] = (
        {},
        {"run": []},
        {"run": {"cost": None}},
        {"run": {"cost": {"encode_weights": {"720p": -1}}}},
        {"run": {"cost": {"encode_weights": {"720p": True}}}},
        {"run": {"cost": {"encode_weights": {str(name): 1 for name in range(101)}}}},
    )
    for wrong in invalid:
        assert weights_of_manifest(wrong) == {}
    assert read_encode_weights(None, ANN) == {}
    assert read_encode_weights(LocalStore(tmp_path), ANN) == {}


def test_encode_weights_are_the_estimated_time_of_a_frame() -> None:
    rungs = [
        Rung(
            name=f"{height}p",
            codec="h264",
            encoder="libx264",
            width=height * 16 // 9,
            height=height,
            crf=20,
            preset=preset,
            maxrate_kbps=1,
            bufsize_kbps=1,
            pixel_format="yuv420p",
        )
        for height, preset in ((1080, "fast"), (720, "medium"))
    ]
    weights = encode_weights(rungs)
    assert list(weights) == ["1080p", "720p"]
    assert sum(weights.values()) / 1e9 < estimate_cpu_s(1, rungs)
    assert weights["1080p"] == 1920 * 1080 * 35


def test_kinds_are_in_the_order_of_an_asset() -> None:
    assert kinds_in_order(["zeta", "publish", "inspect", "alpha", "chunk"]) == [
        "inspect",
        "chunk",
        "publish",
        "alpha",
        "zeta",
    ]
