"""Which workers are known, and which reports are authentic.

Everyone who can send to the report queue can claim to be a worker. A worker is *proven* once one of its
reports has carried the token of a publication, which only receivers of job messages know. Its own `key` is
stored with that, and while its lease lasts only reports with that key are accepted for it. An unproven name
is kept for a short lease, so that it can be shown, and never counts as capacity.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, func, insert, select, update

from eddyline.graph.db.bulk import many, rows_for
from eddyline.graph.db.schema import workers
from eddyline.graph.machine import MACHINE_FIELDS, UNKNOWN_MACHINE, Machine

MAX_UNPROVEN = 1000
"""Unproven worker names kept at a time; further ones are ignored until they are proven."""

_COLUMNS = tuple(workers.c[name] for name in ("name", "host", "pid", "deadline", "key", "proven"))
_KNOWN = select(*_COLUMNS).order_by(workers.c.name).with_for_update()
_KNOWN = _KNOWN.where(workers.c.name.in_(bindparam("ids", expanding=True)))
_UNPROVEN = select(func.count()).select_from(workers).where(workers.c.proven.is_(False))
_UPDATE = update(workers).where(workers.c.name == bindparam("worker"))
_UPDATED = ("worker", "host", "pid", "deadline", "key", "proven")
_INSERT = insert(workers)

Sender: TypeAlias = tuple[str, str]
"""The worker name and the key in a report."""


@dataclass(frozen=True, kw_only=True)
class LeaseRenewal:
    """A worker that reported, the new deadline of its lease, and its host and process id if it reported them.

    It is `proven` if one of these reports carried the token of a publication. `unproven_deadline` is used
    instead of `deadline` for a worker that never was. An unknown `machine` changes nothing that is known.
    """

    worker: str
    deadline: float
    process: tuple[str, int] | None = None
    key: str = ""
    proven: bool = True
    unproven_deadline: float | None = None
    machine: Machine = UNKNOWN_MACHINE


def renew_leases(
    connection: Connection,
    renewals: Collection[LeaseRenewal],
    now: float,
    find_proven: Callable[[], Collection[Sender]] = frozenset,
) -> set[Sender]:
    """Renew the leases of authentic senders, in few statements for any number; returns these senders.

    A proven name belongs to its key until its lease runs out: a report with a token and another key (of a
    worker restarted under the same name) only renews the lease. An unproven name goes to the sender that
    shows a token. `find_proven` returns these senders; it is called only if a key is not known already.
    """
    known = {row.name: row for row in rows_for(connection, _KNOWN, {each.worker for each in renewals})}
    if not all(each.proven or _is_proven(known.get(each.worker), each.key) for each in renewals):
        proven = find_proven()
        renewals = [
            replace(each, proven=each.proven or (each.worker, each.key) in proven) for each in renewals
        ]
    room = _room(connection, renewals, known)
    rows: dict[str, dict[str, Any]] = {}
    machines: dict[str, Machine] = {}
    authentic: set[Sender] = set()
    for each in sorted(renewals, key=lambda renewal: _rank(renewal, known.get(renewal.worker))):
        before = known.get(each.worker)
        if each.worker in rows:
            continue
        if before is not None and before.proven and not _equal(before.key, each.key):
            if each.proven:
                rows[each.worker] = _extended_row(each, before)
            continue
        if not each.proven:
            if before is None:
                room -= 1
            if room < 0 or (before is not None and not _equal(before.key, each.key)):
                continue
        authentic.add((each.worker, each.key))
        rows[each.worker] = _row(each, before)
        # What another sender reported under this name is not known of this one.
        if each.machine.is_known or (before is not None and not _equal(before.key, each.key)):
            machines[each.worker] = each.machine
    ordered = [rows[name] for name in sorted(rows)]
    updated = [row | {"worker": row["name"]} for row in ordered if row["name"] in known]
    many(connection, _UPDATE, _UPDATED, updated)
    new = [{**row, "registered": now} for row in ordered if row["name"] not in known]
    many(connection, _INSERT, (*_UPDATED[1:], "name", "registered"), new)
    # Apart from the others: only heartbeats have machines, and most reports are results.
    reported = [{"worker": name, **asdict(machines[name])} for name in sorted(machines)]
    many(connection, _UPDATE, ("worker", *MACHINE_FIELDS), reported)
    return authentic


def _rank(renewal: LeaseRenewal, before: Any) -> tuple[bool, bool, str]:  # noqa: ANN401 - as `_is_proven`
    """Orders renewals of one name: first the known key, then those with a token."""
    return not _is_proven(before, renewal.key), not renewal.proven, renewal.worker


def _extended_row(renewal: LeaseRenewal, before: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of `_KNOWN`
    return {
        "name": renewal.worker,
        "host": before.host,
        "pid": before.pid,
        "deadline": max(before.deadline, renewal.unproven_deadline or renewal.deadline),
        "key": before.key,
        "proven": True,
    }


def _is_proven(row: Any, key: str) -> bool:  # noqa: ANN401 - a row of `_KNOWN`, or None
    return row is not None and bool(row.proven) and _equal(row.key, key)


def _room(connection: Connection, renewals: Iterable[LeaseRenewal], known: Mapping[str, Any]) -> int:
    """How many further unproven names may be kept; queried only if there are any."""
    if all(each.proven or each.worker in known for each in renewals):
        return 0
    return MAX_UNPROVEN - int(connection.execute(_UNPROVEN).scalar_one())


def _row(renewal: LeaseRenewal, before: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of `_KNOWN`, or None
    host, pid = renewal.process or (("", 0) if before is None else (before.host, before.pid))
    proven = renewal.proven or (before is not None and bool(before.proven))
    limited = not proven and renewal.unproven_deadline is not None
    return {
        "name": renewal.worker,
        "host": host,
        "pid": pid,
        "deadline": min(renewal.deadline, renewal.unproven_deadline or 0.0) if limited else renewal.deadline,
        "key": renewal.key,
        "proven": proven,
    }


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
