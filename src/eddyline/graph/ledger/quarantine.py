"""Jobs that no message can carry: quarantined, where they would otherwise be tried for ever."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from eddyline.core.errors import EddylineError
from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.ledger import outbox
from eddyline.graph.ledger.dependencies import cancel_dependants
from eddyline.graph.ledger.rows import encode, lock, write
from eddyline.graph.messages import Publication
from eddyline.graph.states import Event, State


def refuse(connection: Connection, unfit: Sequence[tuple[Publication, EddylineError]], now: float) -> None:
    """Bury these jobs with the reason, unless they changed since, and cancel what needs them."""
    reasons = {offer.job.id: (offer.base, why) for offer, why in unfit}
    lock_jobs(connection, reasons)
    records = lock(connection, reasons)
    bases = outbox.bases(connection, records)
    dead = [
        record
        for name, record in records.items()
        if record.state == State.READY and bases.get(name) == reasons[name][0]
    ]
    for record in dead:
        evidence = {**reasons[record.job_id][1].evidence(), "buried": "no message can carry it"}
        record.end(Event.REFUSE, at=now, error=encode(evidence))
    write(connection, dead)
    names = {record.job_id: record.job_id for record in dead}
    outbox.forget(connection, names)
    cancel_dependants(connection, names, now)
