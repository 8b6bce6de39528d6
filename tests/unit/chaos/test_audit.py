from __future__ import annotations

from tests.chaos import checks
from tests.chaos.audit import Audit
from tests.unit.graph.conftest import server
from tests.unit.graph.ledger_helpers import new
from tests.unit.graph.postgres_server import Server

from eddyline.graph.job import Done, Settlement
from eddyline.graph.ledger.ledger import Ledger

__all__ = ["server"]


def test_the_database_records_every_claim_loss_and_result(server: Server) -> None:
    with Ledger.open(server.url) as ledger:
        audit = Audit(server.url)
        audit.begin()
        assert audit.busy() == set()
        ledger.submit([new("a"), new("b", "a")])
        ledger.register("w@host:11-ab", "host", 1, 60)
        (first,) = ledger.claim("w@host:11-ab", pools=("cpu",), limit=5, lease_s=60)
        assert audit.busy() == {11}
        ledger.release_worker("w@host:11-ab")
        ledger.register("w2", "host", 2, 60)
        (second,) = ledger.claim("w2", pools=("cpu",), limit=1, lease_s=60)
        late, good = (Settlement(job_id="a", fence=c.fence, outcome=Done(result={})) for c in (first, second))
        assert ledger.settle([late]) == [False]
        assert audit.progress().counts == {"running": 1, "waiting": 1}
        assert ledger.settle([good]) == [True]
    changes = [(c.job, c.before, c.after, c.owner or c.old_owner) for c in audit.changes()]
    assert changes == [
        ("a", "ready", "running", "w@host:11-ab"),
        ("a", "running", "ready", "w@host:11-ab"),
        ("a", "ready", "running", "w2"),
        ("a", "running", "done", "w2"),
        ("b", "waiting", "ready", None),
    ]
    assert checks.fenced(audit.changes()) == []
    assert checks.done_once(audit.rows(), audit.changes()) == []
    assert checks.history(audit.rows(), audit.changes(), audit.starts()) == []
    assert [(start.fence, start.outcome) for start in audit.starts()] == [(1, "lost"), (2, "done")]
    assert {row.id: row.starts for row in audit.rows()} == {"a": 2, "b": 0}
    progress = audit.progress()
    assert (progress.counts, progress.open_assets) == ({"done": 1, "ready": 1}, 1)
