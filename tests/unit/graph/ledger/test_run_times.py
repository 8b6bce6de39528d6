from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert
from tests.unit.graph.ledger_helpers import claim_jobs, done, interrupted, new, settle

from eddyline.core.clock import ManualClock
from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.run_times import AssetRunTimes

NOW = 1_800_000_000.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, rng=random.Random(1)) as opened:
        yield opened


def add_asset(ledger: Ledger, asset: str, created: float, **more: Any) -> None:
    row = {"asset": asset, "owner": "ada", "name": asset, "state": "ready", "created": created}
    row |= {"updated": created, "profile": "default", "source": "x", "progress": 1.0, **more}
    ledger._database.write(lambda c: c.execute(insert(assets), row))


def run(ledger: Ledger, clock: ManualClock, *jobs: str, kind: str = "chunk", seconds: float = 10.0) -> None:
    ledger.submit([new(job, kind=kind) for job in jobs])
    for _ in jobs:
        (claim,) = claim_jobs(ledger)
        clock.advance(seconds)
        assert settle(ledger, claim, done())


def found(ledger: Ledger, since: float, until: float, *kinds: str) -> list[AssetRunTimes]:
    return list(ledger.starts.run_times(since, until, kinds or ("chunk",)))


def test_successful_starts_of_the_wanted_kinds_are_given_by_asset(ledger: Ledger, clock: ManualClock) -> None:
    add_asset(ledger, "a", NOW, codec="hevc")
    add_asset(ledger, "b", NOW + 5)
    run(ledger, clock, "a-1", seconds=40)
    run(ledger, clock, "a-2", seconds=30)
    run(ledger, clock, "a-3", kind="audio")
    run(ledger, clock, "b-1", seconds=20)
    assert found(ledger, NOW, NOW + 6) == [
        AssetRunTimes(asset="a", owner="ada", submitted=NOW, codec="hevc", run_times=(40.0, 30.0)),
        AssetRunTimes(asset="b", owner="ada", submitted=NOW + 5, codec="", run_times=(20.0,)),
    ]
    assert found(ledger, NOW, NOW + 1, "chunk", "audio")[0].run_times == (40, 30, 10)


def test_an_interrupted_start_is_not_a_run_time(ledger: Ledger, clock: ManualClock) -> None:
    add_asset(ledger, "a", NOW)
    ledger.submit([new("a-1", kind="chunk")])
    (claim,) = claim_jobs(ledger)
    clock.advance(15)
    assert settle(ledger, claim, interrupted())
    (claim,) = claim_jobs(ledger)
    clock.advance(40)
    assert settle(ledger, claim, done())
    assert found(ledger, NOW, NOW + 1)[0].run_times == (40,)


def test_assets_outside_of_the_time_or_without_a_publication_are_left_out(
    ledger: Ledger, clock: ManualClock
) -> None:
    for asset, created, state in [
        ("early", NOW - 1, "ready"),
        ("first", NOW, "ready"),
        ("failed", NOW, "failed"),
        ("late", NOW + 60, "ready"),
    ]:
        add_asset(ledger, asset, created, state=state)
        run(ledger, clock, f"{asset}-1")
    add_asset(ledger, "pruned", NOW)
    assert [each.asset for each in found(ledger, NOW, NOW + 60)] == ["first"]


def test_archived_jobs_are_found(ledger: Ledger, clock: ManualClock) -> None:
    add_asset(ledger, "a", NOW)
    run(ledger, clock, "a-1")
    before = found(ledger, NOW, NOW + 1)
    clock.advance(1000)
    assert ledger.archive(older_than_s=10) == 1
    assert found(ledger, NOW, NOW + 1) == before


def test_assets_are_read_in_pages(ledger: Ledger, clock: ManualClock) -> None:
    names = [f"n{number:04d}" for number in range(1001)]
    rows = [
        {
            "asset": name,
            "owner": "",
            "name": name,
            "state": "ready",
            "created": NOW,
            "updated": NOW,
            "profile": "",
            "source": "",
            "progress": 1.0,
        }
        for name in names
    ]
    ledger._database.write(lambda c: c.execute(insert(assets), rows))
    run(ledger, clock, *(f"{name}-1" for name in (names[0], names[499], names[500], names[1000])))
    assert [each.asset for each in found(ledger, NOW, NOW + 1)] == ["n0000", "n0499", "n0500", "n1000"]
