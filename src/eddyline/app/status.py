"""The status of a fleet or of the run in one directory, for `eddyline status`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import EddylineError
from eddyline.fleet.pool_coverage import UnservedPool, pool_of_worker, unserved_pools
from eddyline.fleet.pools import Pools
from eddyline.graph.ledger import overview, queries
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.overview import AssetStatus
from eddyline.graph.machine import Machine
from eddyline.observe.backlog import Backlog, Queue, read_backlog

_MAX_ASSETS = 20
_FIRST_REPORT_S = 5.0  # within which a new worker that received a job has proven that it exists


@dataclass(frozen=True, kw_only=True)
class UnhandledMessages:
    """`count` messages in `queue` that need an operator; `remedy` is the command to handle them.

    `error` says why the queue cannot be read; the count is 0 then.
    """

    queue: str
    count: int
    remedy: str
    error: str = ""


def count_unhandled_messages(shared: SharedServices, events: str = "") -> tuple[UnhandledMessages, ...]:
    """Count the dead letters of the job queues (if set) and the parked messages of the queue `events`.

    A queue that does not exist holds no messages. Raises `UsageError` where SQS support is not installed.
    """
    if not (shared.queues or events):
        return ()
    with require_extra("aws", "SQS"):
        from eddyline.aws.s3_events.event_queue import event_queue_client, find_event_queue
    found = []
    if shared.queues:
        queues = shared.open_queues(tuple(shared.pools().pools))
        dead = queues.naming.dead_letters
        found.append(_count_unhandled(dead, lambda: queues.depth(dead), "eddyline jobs redrive"))
    if events:
        parked = event_queue_client(shared.client("sqs"))

        def depth() -> int:
            return parked.depth(find_event_queue(parked, events).dead_letters)

        found.append(_count_unhandled(f"{events} (parked)", depth, f"eddyline parked --events {events}"))
    return tuple(found)


def _count_unhandled(queue: str, depth: Callable[[], int], remedy: str) -> UnhandledMessages:
    with require_extra("aws", "SQS"):
        from eddyline.aws.client_errors import QueueNotFoundError
    try:
        return UnhandledMessages(queue=queue, count=depth(), remedy=remedy)
    except QueueNotFoundError:
        return UnhandledMessages(queue=queue, count=0, remedy=remedy)
    except EddylineError as error:
        return UnhandledMessages(queue=queue, count=0, remedy=remedy, error=str(error))


@dataclass(frozen=True, kw_only=True)
class Status:
    """The status at `at` (seconds since 1970).

    `under_way` assets have open jobs (`assets` are the first of them), `failed` have dead jobs; `names` are
    the file names by asset. `workers` counts the live workers by pool ("" for those that serve all pools),
    `serving` those that take the jobs of each pool with jobs. `waiting` jobs depend on others, `late` ones
    are past their deadline, `overdue` workers missed a heartbeat. `unknown` are senders of heartbeats that
    have not yet received a job and are not counted. `machines` is what workers and unknown senders reported
    about their machines, by name. `messages` counts by queue the messages that need an operator (dead
    letters, parked messages of an ingest); only the queues that the caller named.
    """

    at: float
    under_way: int
    assets: tuple[AssetStatus, ...]
    failed: tuple[AssetStatus, ...]
    names: Mapping[str, str]
    queues: tuple[Queue, ...]
    workers: Mapping[str, int]
    serving: Mapping[str, int]
    worker_names: tuple[str, ...]
    overdue: int
    unknown: tuple[str, ...] = ()
    waiting: int
    late: int
    unserved: tuple[UnservedPool, ...]
    messages: tuple[UnhandledMessages, ...] = ()
    machines: Mapping[str, Machine] = field(default_factory=dict)


def read_status(ledger: Ledger, pools: Pools, messages: tuple[UnhandledMessages, ...] = ()) -> Status:
    """Read the status of a ledger.

    Lists a pool with jobs and without workers immediately, or after 5 s where a sender of heartbeats may be
    a worker of it that has just received its first job.
    """
    now = ledger.now()

    def read(connection: Connection) -> Status:
        backlog = read_backlog(connection, now)
        assets = overview.open_assets(connection, _MAX_ASSETS)
        failed = overview.failed_assets(connection, _MAX_ASSETS)
        by_pool: dict[str, int] = {}
        for name in backlog.workers:
            by_pool[pool_of_worker(name) or ""] = by_pool.get(pool_of_worker(name) or "", 0) + 1
        return Status(
            at=now,
            under_way=overview.count_open_assets(connection),
            assets=tuple(assets),
            failed=tuple(failed),
            names=overview.asset_names(connection, [each.asset for each in (*assets, *failed)]),
            queues=backlog.queues,
            workers=by_pool,
            serving={queue.pool: _serving(queue.pool, by_pool, pools) for queue in backlog.queues},
            worker_names=backlog.workers,
            overdue=backlog.overdue,
            unknown=backlog.unknown,
            waiting=backlog.waiting,
            late=backlog.late,
            unserved=_unserved(backlog, pools),
            messages=messages,
            machines={
                each.name: each.machine for each in queries.list_workers(connection) if each.machine.is_known
            },
        )

    return ledger.read(read)


def _unserved(backlog: Backlog, pools: Pools) -> tuple[UnservedPool, ...]:
    due = {queue.pool: (queue.due, queue.oldest_s) for queue in backlog.queues}
    senders = (*backlog.workers, *backlog.unknown)
    without_sender = {each.pool for each in unserved_pools(due, senders, pools, min_due_s=0.0)}
    return tuple(
        each
        for each in unserved_pools(due, backlog.workers, pools, min_due_s=0.0)
        if each.pool in without_sender or each.waited_s >= _FIRST_REPORT_S
    )


def _serving(pool: str, workers: Mapping[str, int], pools: Pools) -> int:
    """The number of workers that take the jobs of a pool: its own, and those of pools that serve it too."""
    serving_pools = {"", pool} | {name for name, each in pools.pools.items() if pool in each.served}
    return sum(count for own, count in workers.items() if own in serving_pools)
