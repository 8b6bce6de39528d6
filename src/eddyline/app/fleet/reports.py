"""Reports of the fleet record, and the drain of an instance, for `eddyline fleet`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eddyline.app.optional_dependencies import require_extra
from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.files import read_json, wrong_file
from eddyline.fleet.catalogue.prices import read_on_demand_prices
from eddyline.fleet.notices import INSTANCE_ID
from eddyline.fleet.pools import Pools
from eddyline.fleet.record.rates import InterruptionRates, interruption_rates
from eddyline.fleet.record.savings import Savings, savings
from eddyline.fleet.record.spot_prices import SpotPrices, parse_spot_prices
from eddyline.graph.instance import SPOT, Instance
from eddyline.graph.ledger.ledger import Ledger

if TYPE_CHECKING:
    from eddyline.app.shared_services import SharedServices

_NAMED = 5  # instances that a message lists


def read_interruptions(ledger: Ledger, *, since_s: float, by: str, confidence: float) -> InterruptionRates:
    """The interruption rates of the last `since_s` seconds, grouped by pool, type or zone."""
    now = ledger.now()
    return interruption_rates(
        ledger.fleet.instances(now - since_s, now), now - since_s, now, by=by, confidence=confidence
    )


@dataclass(frozen=True, kw_only=True)
class SavingsReport:
    """Savings, and the starts of jobs that ended in the same time on Spot and on-demand machines.

    `unknown_jobs` ran on machines whose purchase option is not known. `spot_prices`: where they came from.
    """

    savings: Savings
    spot_jobs: int
    on_demand_jobs: int
    unknown_jobs: int
    spot_prices: str

    @property
    def spot_share_of_jobs(self) -> float | None:
        """The share of jobs on Spot, 0 to 1, among those whose machine is known."""
        known = self.spot_jobs + self.on_demand_jobs
        return self.spot_jobs / known if known else None


def read_savings(
    ledger: Ledger,
    shared: SharedServices,
    pools: Pools,
    *,
    since_s: float,
    prices: Path | None,
    spot_prices: Path | None,
) -> SavingsReport:
    """The savings of the last `since_s` seconds.

    `prices` is a file of On-Demand prices; without it, only shares are computed. `spot_prices` is a file of
    the Spot price history; without it, EC2 is asked. Raises `UsageError`, `ServiceError` and `AccessError`.
    """
    now = ledger.now()
    start = now - since_s
    instances = ledger.fleet.instances(start, now)
    on_demand: Mapping[str, float] = read_on_demand_prices(prices) if prices is not None else {}
    history, source = SpotPrices({}), ""
    if spot_prices is not None:
        history, source = _read_spot_prices(spot_prices), str(spot_prices)
    elif on_demand:
        history, source = _live_spot_prices(shared, instances, start, now), "Amazon EC2"
    jobs: dict[str, int] = {}
    for each in ledger.fleet.ended_starts(start, now):
        if each.outcome == "done":
            jobs[each.lifecycle] = jobs.get(each.lifecycle, 0) + each.count
    unknown = jobs.pop("", 0)
    spot = jobs.pop(SPOT, 0)
    return SavingsReport(
        savings=savings(
            instances,
            start,
            now,
            on_demand_prices=on_demand,
            spot_prices=history,
            vcpu_of_types=_vcpu_of_types(pools),
        ),
        spot_jobs=spot,
        on_demand_jobs=sum(jobs.values()),
        unknown_jobs=unknown,
        spot_prices=source,
    )


def _read_spot_prices(path: Path) -> SpotPrices:
    try:
        return parse_spot_prices(read_json(path))
    except ValueError as error:
        raise wrong_file(path, str(error)) from error


def _live_spot_prices(
    shared: SharedServices, instances: Sequence[Instance], start: float, stop: float
) -> SpotPrices:
    types = {each.instance_type for each in instances if each.lifecycle == SPOT and each.instance_type}
    if not types:
        return SpotPrices({})
    with require_extra("aws", "live Spot prices"):
        from eddyline.aws.ec2_spot_prices import spot_price_history
    return spot_price_history(shared.client("ec2"), types, start, stop)


def _vcpu_of_types(pools: Pools) -> dict[str, int]:
    """The vCPU of the types that pools list by name."""
    return {name: vcpu for pool in pools.pools.values() for name, vcpu in pool.capacity.types.items()}


@dataclass(frozen=True, kw_only=True)
class DrainReport:
    """The workers of an instance that got the command to drain, and by when they must have ended."""

    instance: str
    workers: tuple[str, ...]
    deadline: float | None


def drain_instance(ledger: Ledger, instance: str, *, within_s: float | None) -> DrainReport:
    """Drain all workers of an EC2 instance, which must have ended in `within_s`. Raises `UsageError`."""
    if not INSTANCE_ID.fullmatch(instance):
        raise UsageError(
            f"{instance[:80]!r} is not the id of an EC2 instance",
            remedy="pass an id such as i-0123456789abcdef0; `eddyline jobs drain WORKER` drains one worker",
        )
    deadline = None if within_s is None else ledger.now() + within_s
    workers = ledger.drain_instance(instance, deadline, "drained by an operator")
    if not workers:
        known = sorted({each.machine.instance for each in ledger.workers() if each.machine.instance})
        names = ", ".join(known[:_NAMED]) + (f" and {len(known) - _NAMED} more" if known[_NAMED:] else "")
        raise UsageError(
            f"no worker runs on {instance}",
            remedy=f"pass an instance that has workers: {names or 'at present there is none'}",
        )
    return DrainReport(instance=instance, workers=workers, deadline=deadline)
