"""When on-demand instances replace missing Spot capacity. Pure.

Terraform's step policies act on the value of this module; `policies.py` describes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.fleet.scaling.bounds import TOLERANCE, Bounds
from eddyline.graph.pool_sample import PoolSample

_SLACK_S = 90.0  # a sample may be a minute late


def spot_shortfall(samples: Sequence[PoolSample], bounds: Bounds, *, now: float) -> int:
    """The vCPU that Spot lacked for the pool's bound and that no on-demand instance replaces.

    `samples` are those of one pool in order of time, the present one included. The value is the least
    capacity wanted of Spot within the last `on_demand_after_s`, less what Spot provided for at least a third
    of that time: an interruption, or the boot of new instances, does not count; Spot Instances that are
    interrupted soon after each launch do, or jobs would wait for them without end (nextflow #4096). It is 0
    while the samples cover less than the bound, and up to the excess that target tracking tolerates.

    Capacity that Spot provides counts from its launch, and so does on-demand: while an instance boots, the
    alarm does not ask for the same capacity again (fargate-spot-fallback #186 doubled it).
    """
    start = now - bounds.on_demand_after_s
    within = [sample for sample in samples if sample.minute >= start - _SLACK_S]
    if not within or within[0].minute > start:
        return 0
    if any(sample.wanted_vcpu is None for sample in within):
        return 0
    wanted = min(sample.wanted_vcpu or 0 for sample in within) - bounds.on_demand_min
    provided = sorted((sample.spot_vcpu for sample in within), reverse=True)[len(within) // 3]
    wanted = min(wanted, bounds.spot_max)
    replaced = max(within[-1].on_demand_vcpu - bounds.on_demand_min, 0)
    has = provided + replaced
    return 0 if has * (1 + TOLERANCE) >= wanted else wanted - has
