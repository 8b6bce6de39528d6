"""The status of a fleet: when a pool with jobs counts as unserved."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.app import status
from eddyline.fleet.pools import load_pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.observe.backlog import Backlog, Queue


@pytest.mark.parametrize(
    ("workers", "unknown", "waited_s", "unserved"),
    [
        ((), (), 0.1, ["cpu"]),
        ((), ("cpu@vm:7-a1",), 0.1, []),  # it has perhaps just received its first job
        ((), ("cpu@vm:7-a1",), 5.0, ["cpu"]),
        ((), ("light@vm:7-a1",), 0.1, ["cpu"]),
        (("light@vm:8-b2",), ("cpu@vm:7-a1",), 0.1, []),
        (("light@vm:8-b2",), ("cpu@vm:7-a1",), 60.0, ["cpu"]),
        (("cpu@vm:7-a1",), (), 60.0, []),
    ],
)
def test_a_sender_of_heartbeats_counts_as_a_worker_for_the_first_seconds_of_a_job(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workers: tuple[str, ...],
    unknown: tuple[str, ...],
    waited_s: float,
    unserved: list[str],
) -> None:
    backlog = Backlog(
        at=100.0,
        queues=(Queue(pool="cpu", due=3, oldest_s=waited_s),),
        waiting=0,
        late=0,
        workers=workers,
        overdue=0,
        unknown=unknown,
    )
    monkeypatch.setattr(status, "read_backlog", lambda *_: backlog)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        found = status.read_status(ledger, load_pools(None))
    assert [each.pool for each in found.unserved] == unserved
