"""What changes of jobs mean for the catalogue: its rows and events, written in the same transactions.

An asset is in process as long as a job is open that leads to its publication: the job that publishes it, or
the first one, which adds the others. Jobs of another attempt, for another version of the programs, may end
in any way meanwhile. The state of a published asset changes only when it is submitted or retried again:
internal jobs, such as the one that deletes intermediate files, do not matter to users.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, insert, select, update

from eddyline.core.identity import canonical
from eddyline.graph.db.bulk import rows_for
from eddyline.graph.db.library_schema import assets
from eddyline.graph.db.schema import jobs
from eddyline.graph.job import NewJob
from eddyline.graph.ledger.catalogue import events
from eddyline.graph.ledger.catalogue.asset import AssetState, BeingDeletedError
from eddyline.graph.ledger.catalogue.creation_times import unique_time
from eddyline.graph.ledger.catalogue.facts import RESULT_KEY, parse_facts, parse_text
from eddyline.graph.ledger.catalogue.kinds import INTERNAL_KINDS, PLANNING_KINDS, PUBLISHING_KIND
from eddyline.graph.states import OPEN, Event, State

_MAX_MESSAGE = 2000
_DEATHS = (Event.QUARANTINE, Event.REFUSE)
_KINDS = {
    AssetState.PROCESSING.value: "asset.processing",
    AssetState.FAILED.value: "asset.failed",
    AssetState.CANCELLED.value: "asset.cancelled",
}

_ASSETS_OF = select(jobs.c.id, jobs.c.asset).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
_ROW = select(assets.c.state, assets.c.owner, assets.c.name).where(assets.c.asset == bindparam("the_asset"))
_ROW = _ROW.with_for_update()
_LEADING = (
    select(jobs.c.id)
    .where(
        jobs.c.asset == bindparam("the_asset"), jobs.c.kind.in_(sorted({*PLANNING_KINDS, PUBLISHING_KIND}))
    )
    .where(jobs.c.state.in_([state.value for state in sorted(OPEN)]))
    .limit(1)
)
_DEAD = (
    select(jobs.c.id, jobs.c.error)
    .where(jobs.c.asset == bindparam("the_asset"), jobs.c.state == State.DEAD.value)
    .where(jobs.c.kind.not_in(sorted(INTERNAL_KINDS)))
    .order_by(jobs.c.finished.desc(), jobs.c.id)
    .limit(1)
)
_UPDATE = update(assets).where(assets.c.asset == bindparam("the_asset"))


@dataclass(frozen=True, kw_only=True)
class JobChange:
    """A change of a job that may change the state of its asset; `at` is in seconds since 1970."""

    event: Event
    at: float


class ChangedJob(Protocol):
    """What is read of a job's record."""

    job_id: str
    kind: str
    owner: str
    result: str | None
    error: str | None
    asset_change: JobChange | None


def is_relevant(event: Event, kind: str) -> bool:
    """Whether a job of this kind that ended by `event` may change the state of its asset."""
    if event is Event.COMPLETE:
        return kind == PUBLISHING_KIND
    return kind not in INTERNAL_KINDS


def submitted(connection: Connection, added: Iterable[NewJob], now: float) -> None:
    """Enter the assets of new jobs that carry an entry.

    Raises `BeingDeletedError`, which is transient, for one that is being deleted.
    """
    for job in sorted((each for each in added if each.entry is not None), key=lambda each: each.asset):
        assert job.entry is not None  # noqa: S101 - for the type checker
        entry = {
            "name": parse_text(job.entry.name),
            "source": parse_text(job.entry.source),
            "profile": parse_text(job.entry.profile),
            "state": AssetState.PROCESSING.value,
            "progress": 0.0,
            "updated": now,
        }
        row = connection.execute(_ROW, {"the_asset": job.asset}).first()
        if row is None:
            created = unique_time(connection, now)
            identity = {"asset": job.asset, "owner": job.owner, "created": created}
            connection.execute(insert(assets), {**identity, **entry})
            _append(connection, "asset.created", job.asset, job.owner, entry, now)
        elif row.state == AssetState.DELETING:
            raise BeingDeletedError(f"asset {job.asset} is being deleted")
        else:
            connection.execute(_UPDATE.values({**entry, "failure": None}), {"the_asset": job.asset})
            if row.state != AssetState.PROCESSING:
                _append(connection, "asset.processing", job.asset, row.owner, entry, now)


def apply(connection: Connection, records: Sequence[ChangedJob]) -> None:
    """Change the assets of jobs whose `asset_change` is set; their rows must be written already."""
    changed = {record.job_id: record for record in records if record.asset_change is not None}
    by_asset: defaultdict[str, list[ChangedJob]] = defaultdict(list)
    for row in rows_for(connection, _ASSETS_OF, changed):
        by_asset[row.asset].append(changed[row.id])
    for asset in sorted(by_asset):
        _apply(connection, asset, by_asset[asset])


def _apply(connection: Connection, asset: str, records: Sequence[ChangedJob]) -> None:
    """Change one asset, unless it is being deleted."""
    row = connection.execute(_ROW, {"the_asset": asset}).first()
    state = None if row is None else AssetState(row.state)
    if state is AssetState.DELETING:
        return
    published = next((each for each in records if _event(each) is Event.COMPLETE), None)
    if published is not None:
        owner, name = _publish(connection, asset, published, row)
        body = {"name": name, "state": AssetState.READY.value}
        _append(connection, "asset.ready", asset, owner, body, _at(published))
    elif row is not None and state is not AssetState.READY:
        values = _unpublished(connection, asset, AssetState(row.state), records)
        if values is not None:
            at = max(map(_at, records))
            connection.execute(_UPDATE.values({**values, "updated": at}), {"the_asset": asset})
            body = {"name": row.name, **values}
            if values["state"] != row.state:
                _append(connection, _KINDS[values["state"]], asset, row.owner, body, at)


def _publish(connection: Connection, asset: str, record: ChangedJob, row: Any) -> tuple[str, str]:  # noqa: ANN401 - a row or None
    """Write what a publishing job reported; returns the owner and the name of the asset.

    An asset without a row was submitted to a version without the catalogue: its row is added.
    """
    reported = json.loads(record.result or "{}").get(RESULT_KEY)
    at = _at(record)
    ready = {"state": AssetState.READY.value, "progress": 1.0, "failure": None, "updated": at}
    values = {**parse_facts(reported), **ready}
    if row is not None:
        connection.execute(_UPDATE.values(values), {"the_asset": asset})
        return str(row.owner), str(row.name)
    texts = reported if isinstance(reported, dict) else {}
    entry = {name: parse_text(texts.get(name)) for name in ("name", "source", "profile")}
    identity = {"asset": asset, "owner": record.owner, "created": unique_time(connection, at)}
    connection.execute(insert(assets), {**values, **entry, **identity})
    return record.owner, entry["name"]


def _unpublished(
    connection: Connection, asset: str, state: AssetState, records: Sequence[ChangedJob]
) -> dict[str, Any] | None:
    """The new state and failure of an asset that is not published; None if they do not change."""
    dead = next((each for each in records if _event(each) in _DEATHS), None)
    if dead is not None:
        if state is AssetState.FAILED:
            return None  # the first failure is the reason
        return _failed(dead.job_id, dead.error)
    leads_on = connection.execute(_LEADING, {"the_asset": asset}).first() is not None
    if not any(_event(each) is Event.REDRIVE for each in records):
        is_cancelled = state is AssetState.PROCESSING and not leads_on
        return _state(AssetState.CANCELLED) if is_cancelled else None
    if leads_on:
        return None if state is AssetState.PROCESSING else _state(AssetState.PROCESSING)
    remaining = connection.execute(_DEAD, {"the_asset": asset}).first()
    return None if remaining is None else _failed(remaining.id, remaining.error)


def _state(state: AssetState) -> dict[str, Any]:
    return {"state": state.value, "failure": None}


def _failed(job: str, error: str | None) -> dict[str, Any]:
    found = json.loads(error) if error else {}
    failure = {name: str(found.get(name, ""))[:_MAX_MESSAGE] for name in ("error", "message", "remedy")}
    return {"state": AssetState.FAILED.value, "failure": canonical({**failure, "job": job}).decode()}


def _append(
    connection: Connection, kind: str, asset: str, owner: str, values: Mapping[str, Any], at: float
) -> None:
    """Append the event of a transition: name, state, and the failure if there is one."""
    body = {name: values[name] for name in ("name", "state")}
    failure = values.get("failure")
    if failure:
        body["failure"] = json.loads(failure)
    events.append(connection, kind=kind, owner=owner, asset=asset, body=body, now=at)


def _event(record: ChangedJob) -> Event | None:
    return None if record.asset_change is None else record.asset_change.event


def _at(record: ChangedJob) -> float:
    return 0.0 if record.asset_change is None else record.asset_change.at
