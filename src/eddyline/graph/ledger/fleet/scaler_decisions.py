"""The last decision of Eddyline's scaler about each pool, for the status and for an alarm on its age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select

from eddyline.graph.db.schema import scaler_decisions
from eddyline.graph.ledger import leadership
from eddyline.graph.ledger.leadership import Leadership


@dataclass(frozen=True, kw_only=True)
class PoolDecision:
    """A decision at `at` about a pool, by the leader `owner` in `term`; capacities are in vCPU.

    `wanted_vcpu` is what the work needs, `spot_vcpu` and `on_demand_vcpu` are the desired capacities of the
    groups; `drained` instances were ended. `decided` is the time of the last decision that had complete
    readings and was applied (None: never), `problem` why this one kept the capacity.
    """

    pool: str
    term: int
    owner: str
    at: float
    decided: float | None
    wanted_vcpu: int = 0
    spot_vcpu: int = 0
    on_demand_vcpu: int = 0
    drained: int = 0
    problem: str = ""


def record(
    connection: Connection, leader: Leadership, decisions: Sequence[PoolDecision], *, now: float
) -> bool:
    """Store decisions; False, and nothing is stored, if another process leads by now."""
    if not leadership.holds(connection, leader, now=now):
        return False
    for each in decisions:
        connection.execute(delete(scaler_decisions).where(scaler_decisions.c.pool == each.pool))
        connection.execute(insert(scaler_decisions).values(**asdict(each)))
    return True


def find(connection: Connection) -> dict[str, PoolDecision]:
    """The last decision about each pool, by its name."""
    rows = connection.execute(select(scaler_decisions)).mappings()
    return {row["pool"]: PoolDecision(**row) for row in rows}
