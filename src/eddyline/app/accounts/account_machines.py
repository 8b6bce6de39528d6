"""Accounts the starts of machines: finds each instance's record, slots and first registration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from eddyline.fleet.accounts.accounts import Accounts
from eddyline.fleet.accounts.instance_slots import slots_of
from eddyline.fleet.accounts.started_work import Work
from eddyline.fleet.pools import Pools
from eddyline.graph.instance import Instance
from eddyline.graph.ledger.fleet import accounted_starts


def account_machines(
    connection: Connection,
    accounts: Accounts,
    work: Iterable[tuple[str, list[Work]]],
    instances: Mapping[str, Instance],
    pools: Pools,
) -> None:
    """Account the work of each machine, and the instances without any.

    `work` has the starts by machine as `StartColumns.by_machine` yields them.
    """
    ready = accounted_starts.registered(connection, instances.keys())
    slots = accounted_starts.slots(connection)
    left = dict(instances)
    for machine, starts in work:
        if machine.startswith("@"):
            accounts.add_machine(starts)
            continue
        instance = left.pop(machine, None)
        if instance is None:
            accounts.add_unrecorded(starts)
        else:
            number = slots.get(machine) or slots_of(instance, pools)
            accounts.add_instance(instance, starts, ready=ready.get(machine), slots=number)
    for name, instance in left.items():
        number = slots.get(name) or slots_of(instance, pools)
        accounts.add_instance(instance, (), ready=ready.get(name), slots=number)
