from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from tests.unit.graph.ledger_helpers import claim_jobs, done, new, settle

from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.ledger import Ledger
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.ledger_recording import iter_recorded_from_ledger, recorded_from_ledger

NOW = 1_800_000_000.0


def test_a_ledger_becomes_arrivals(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Ledger.open(tmp_path / "ledger.db", clock=clock, rng=random.Random(1)) as ledger:
        row: dict[str, Any] = {"asset": "a", "owner": "ada", "name": "a", "state": "ready", "created": NOW}
        row |= {"updated": NOW, "profile": "", "source": "", "progress": 1.0, "codec": "hevc"}
        ledger._database.write(lambda c: c.execute(insert(assets), row))
        ledger.submit([new("a-1", kind="chunk"), new("a-2", kind="chunk")])
        for seconds in (40.0, 0.0):
            (claim,) = claim_jobs(ledger)
            clock.advance(seconds)
            assert settle(ledger, claim, done())
        assert recorded_from_ledger(ledger, NOW - 10, NOW + 10) == [
            AssetArrival(10.0, "ada", "hevc", 0, (40.0, 0.001))
        ]
        (faster,) = iter_recorded_from_ledger(ledger, NOW - 10, NOW + 10, speed=0.5)
        assert faster.chunks[0] == 20
        assert recorded_from_ledger(ledger, NOW - 10, NOW) == []
        with pytest.raises(UsageError, match="is not after"):
            recorded_from_ledger(ledger, NOW, NOW)
        with pytest.raises(UsageError, match="the speed is nan"):
            list(iter_recorded_from_ledger(ledger, NOW, NOW + 1, speed=math.nan))
