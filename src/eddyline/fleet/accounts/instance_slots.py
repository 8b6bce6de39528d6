"""The slots of an instance whose workers are gone."""

from __future__ import annotations

from eddyline.fleet.pools import Pools
from eddyline.graph.instance import Instance

_TOLERANCE = 1e-3  # as in fleet/slots.py


def slots_of(instance: Instance, pools: Pools) -> int | None:
    """The slots of an instance: its vCPU by the slot of its pool; None: not known.

    The memory of the instance is not in the record, so a machine with little memory may have had fewer.
    """
    pool = pools.pools.get(instance.pool)
    if pool is None or not instance.vcpu:
        return None
    return max(min(int(instance.vcpu / pool.slot.vcpu + _TOLERANCE), pool.slot.most), 1)
