"""Compares the fleet record with what happened to the instances of a chaos test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tests.chaos import checks
from tests.chaos.environment import QUEUES

from eddyline.app.fleet.upkeep import FleetUpkeep
from eddyline.graph.instance import INTERRUPTION
from eddyline.graph.ledger.ledger import Ledger

if TYPE_CHECKING:
    from tests.chaos.environment import Site

_DRAIN_WITHIN_S = 20.0  # the functions repeat failed calls for this long


def violations(site: Site) -> list[str]:
    """The requirements of the fleet record and of lifecycle hooks, after the processes have stopped.

    EC2 describes the end of an instance without a notice, and what a crashed queue server lost: coordinators
    compare their record with it every five minutes. The comparison is made here once more.
    """
    recorded = _interrupted(site)
    wrong = [
        f"the hook of {instance} was completed {times} times"
        for instance, times in site.fleet.incomplete_hooks().items()
    ]
    calls = site.plane.calls_of("UpdateContainerInstancesState")
    drained = {arn for call in calls for arn in call["containerInstances"]}
    wrong += [
        f"{instance} was not set to DRAINING within {_DRAIN_WITHIN_S:.0f} s of its notice"
        for instance in site.fleet.not_drained(drained, _DRAIN_WITHIN_S)
    ]
    return wrong + checks.interruptions(recorded=recorded, interrupted=site.fleet.interrupted)


def _interrupted(site: Site) -> set[str]:
    import psycopg

    from eddyline.aws.ec2_instances import Ec2Instances

    with psycopg.connect(site.ledger.url, autocommit=True) as connection:
        connection.execute("UPDATE periodic_tasks SET due = 0")
    with Ledger.open(site.ledger.url) as ledger:
        upkeep = FleetUpkeep(ledger, prefix=QUEUES, pools=set(site.fleet.pools))
        upkeep.repair(lambda: Ec2Instances(site.plane.client("ec2")))
        return {
            each.instance for each in ledger.fleet.instances(0.0, math.inf) if each.ended_by == INTERRUPTION
        }
