"""What the jobs of an asset cost until its publication."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update
from tests.unit.app.accounts.accounted_fleet import ANN, BEA, DEAR, IDLE, NOW, open_fleet

from eddyline.fleet.pools import load_pools
from eddyline.graph.db.schema import instances, starts
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runtime.run_cost import (
    LEDGER,
    NO_STARTS,
    OUTSIDE_EC2,
    UNKNOWN_COST,
    KindWork,
    PriceOrigin,
    RunCost,
    parse_run_cost,
    read_run_cost,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_fleet(tmp_path / "ledger.db") as opened:
        yield opened


def _read(ledger: Ledger, asset: str, *, pools: bool = True) -> RunCost:
    return ledger.read(lambda c: read_run_cost(c, asset, load_pools(None) if pools else None))


def test_the_price_of_the_slots_is_that_of_each_start(ledger: Ledger) -> None:
    found = _read(ledger, BEA)
    assert found.kinds == {"chunk": KindWork(starts=1, slot_seconds=1000.0, cpu_seconds=1.0)}
    assert (found.list_nanousd, found.reason) == (1000 * 500_000, None)
    date = NOW - 100
    assert found.prices == [PriceOrigin(option="on-demand", source=LEDGER, first=date, last=date)]


def test_redone_work_is_counted_by_kind(ledger: Ledger) -> None:
    found = _read(ledger, ANN)
    assert found.kinds["chunk"] == KindWork(
        starts=3, slot_seconds=1600.0, cpu_seconds=3.0, redone_slot_seconds=500.0
    )
    plain = found.to_json()
    assert (plain["slot_seconds"], plain["redone_slot_seconds"]) == (2230.0, 500.0)
    assert (found.list_nanousd, found.reason) == (None, OUTSIDE_EC2)


def test_the_jobs_that_publish_and_tidy_do_not_count(ledger: Ledger) -> None:
    ledger.write(lambda c: c.execute(update(starts).where(starts.c.kind == "audio").values(kind="publish")))
    ledger.write(lambda c: c.execute(update(starts).where(starts.c.kind == "poster").values(kind="tidy")))
    assert set(_read(ledger, ANN).kinds) == {"chunk", "assemble", "pictures"}


def test_reasons_for_an_unknown_price(ledger: Ledger) -> None:
    assert _read(ledger, IDLE).reason == NO_STARTS
    assert _read(ledger, BEA, pools=False).reason == "slots not known"
    ledger.write(lambda c: c.execute(delete(instances).where(instances.c.instance == DEAR)))
    assert _read(ledger, BEA).reason == "not in the fleet record"


def test_a_message_carries_the_cost(ledger: Ledger) -> None:
    for asset in (ANN, BEA):
        found = _read(ledger, asset)
        assert parse_run_cost(json.loads(json.dumps(asdict(found)))) == found


@pytest.mark.parametrize(
    "change",
    [
        {"kinds": []},
        {"kinds": {"chunk": {"starts": 1}}},
        {"kinds": {"chunk": {**asdict(KindWork()), "starts": -1}}},
        {"kinds": {"chunk": {**asdict(KindWork()), "slot_seconds": 1e300}}},
        {"kinds": {"chunk": {**asdict(KindWork()), "cpu_seconds": "1"}}},
        {"kinds": {"x" * 301: asdict(KindWork())}},
        {"kinds": {str(number): asdict(KindWork()) for number in range(101)}},
        {"list_nanousd": 1.5},
        {"list_nanousd": True},
        {"list_nanousd": 1 << 63},
        {"reason": 5},
        {"prices": {}},
        {"prices": [{"option": "spot"}]},
        {"prices": [{"option": "spot", "source": "x", "first": -1, "last": 1}]},
    ],
)
def test_an_invalid_cost_in_a_message_is_unknown(change: dict[str, Any]) -> None:
    valid = {**asdict(RunCost(list_nanousd=1)), **change}
    assert parse_run_cost(valid) == UNKNOWN_COST
    assert parse_run_cost([valid]) == UNKNOWN_COST


def test_the_cost_is_within_the_schema_of_the_manifest(ledger: Ledger) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    path = Path(__file__).parents[4] / "src/eddyline/pipeline/publication/manifest.schema.json"
    whole = json.loads(path.read_text("utf-8"))
    schema = {**whole["properties"]["run"]["properties"]["cost"], "$defs": whole["$defs"]}
    for found in (_read(ledger, ANN), _read(ledger, BEA), UNKNOWN_COST, replace(UNKNOWN_COST, reason=None)):
        jsonschema.validate({**found.to_json(), "encode_weights": {"720p": 5}}, schema)
