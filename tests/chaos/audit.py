"""An audit log of the ledger: a trigger in PostgreSQL records every change of a job."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_TRIGGER = """
CREATE TABLE chaos_audit (
    n bigserial PRIMARY KEY, at double precision, job text, before text, after text,
    old_fence bigint, fence bigint, old_owner text, owner text
);
CREATE FUNCTION chaos_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_audit (at, job, before, after, old_fence, fence, old_owner, owner)
    VALUES (extract(epoch FROM clock_timestamp()), NEW.id, OLD.state, NEW.state,
            OLD.fence, NEW.fence, OLD.lease_owner, NEW.lease_owner);
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_watch AFTER UPDATE ON jobs FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.fence IS DISTINCT FROM NEW.fence)
    EXECUTE FUNCTION chaos_record();
"""
_CHANGE = ("at", "job", "before", "after", "old_fence", "fence", "old_owner", "owner")
_CHANGES = f"SELECT {', '.join(_CHANGE)} FROM chaos_audit ORDER BY n"  # noqa: S608 - constants
_ROW = (
    *("id", "asset", "kind", "state", "starts", "interruptions", "attempt", "losses"),
    *("weight", "error", "lease_owner"),
)
_ROWS = f"SELECT {', '.join(_ROW)} FROM jobs"  # noqa: S608 - constants
_STARTS = "SELECT job_id, fence, outcome FROM starts"
_COUNTS = "SELECT state, count(*) FROM jobs GROUP BY state"
_OPEN_ASSETS = "SELECT count(DISTINCT asset) FROM jobs WHERE state IN ('waiting', 'ready', 'running')"
_OWNERS = "SELECT DISTINCT lease_owner FROM jobs WHERE state = 'running'"
_PID = re.compile(r":(\d+)(?:-[0-9a-f]+)?$")
_LAST = "SELECT max(n), extract(epoch FROM clock_timestamp()) - max(at) FROM chaos_audit"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of a job's state or fence, committed at about `at` (seconds since 1970)."""

    at: float
    job: str
    before: str
    after: str
    old_fence: int
    fence: int
    old_owner: str | None
    owner: str | None


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table of jobs; the `weight` of a chunk is its number of frames."""

    id: str
    asset: str
    kind: str
    state: str
    starts: int = 1
    interruptions: int = 0
    attempt: int = 1
    losses: int = 0
    weight: float = 1.0
    error: str | None = None
    lease_owner: str | None = None


@dataclass(frozen=True, kw_only=True)
class EndedStart:
    """A row of the start history."""

    job: str
    fence: int
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of the jobs; `unchanged_s`: seconds since the last change (inf: none yet)."""

    counts: dict[str, int]
    open_assets: int
    unchanged_s: float


class Audit:
    """Reads the ledger at `url` by plain SQL. Raises `psycopg.Error` if the server is unavailable."""

    def __init__(self, url: str) -> None:
        self._url = url

    def begin(self) -> None:
        """Start the audit log; the ledger's tables must exist."""
        with self._connected() as connection:
            connection.execute(_TRIGGER)

    def progress(self) -> Progress:
        """The current progress."""
        with self._connected() as connection:
            counts = {str(state): int(count) for state, count in connection.execute(_COUNTS)}
            (assets,) = self._one(connection, _OPEN_ASSETS)
            _, unchanged = self._one(connection, _LAST)
        return Progress(
            counts=counts,
            open_assets=int(assets),
            unchanged_s=math.inf if unchanged is None else float(unchanged),
        )

    def busy(self) -> set[int]:
        """The PIDs of the workers that run jobs, from the names of the workers (cpu@host:4242-ab12cd)."""
        with self._connected() as connection:
            owners = [str(owner) for (owner,) in connection.execute(_OWNERS)]
        return {int(found[1]) for owner in owners if (found := _PID.search(owner))}

    def rows(self) -> list[Row]:
        """The rows of all jobs."""
        with self._connected() as connection:
            return [Row(**dict(zip(_ROW, row, strict=True))) for row in connection.execute(_ROWS)]

    def changes(self) -> list[Change]:
        """All changes, in order."""
        with self._connected() as connection:
            return [Change(**dict(zip(_CHANGE, row, strict=True))) for row in connection.execute(_CHANGES)]

    def starts(self) -> list[EndedStart]:
        """The start history."""
        with self._connected() as connection:
            return [
                EndedStart(job=str(job), fence=int(fence), outcome=str(outcome))
                for job, fence, outcome in connection.execute(_STARTS)
            ]

    @staticmethod
    def _one(connection: psycopg.Connection[Any], query: str) -> Sequence[Any]:
        row: Sequence[Any] | None = connection.execute(query).fetchone()
        assert row is not None
        return row

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        import psycopg

        with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
            yield connection
