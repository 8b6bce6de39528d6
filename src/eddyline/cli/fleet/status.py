"""`eddyline fleet status`: the machines of each pool, their load, and what is about to end."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eddyline.cli import options
from eddyline.cli.terminal import console
from eddyline.core.formatting import format_count, format_duration, printable

if TYPE_CHECKING:
    from eddyline.app.fleet.status import FleetStatus, PoolStatus
    from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision

_HOUR_S = 3600.0
_MAX_ENDING = 20
_MAX_WORKERS = 3


def status(
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the machines of each pool, their slots and backlog, and the instances that are about to end."""
    from eddyline.app.fleet.status import read_fleet_status
    from eddyline.app.shared_services import SharedServices

    shared = SharedServices.from_options(ledger=ledger, queues=queues)
    with shared.open_ledger() as opened:
        found = read_fleet_status(opened, shared.pools())
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        print_fleet_status(console(), found)


def print_fleet_status(screen: Console, found: FleetStatus) -> None:
    """Print the status as text; what is about to end comes last, next to the prompt."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("pool", no_wrap=True)
    for heading in ("Spot", "On-Demand", "busy", "due", "oldest", "backlog", "wanted"):
        table.add_column(heading, justify="right", no_wrap=True)
    for pool in found.pools:
        table.add_row(*_cells(pool))
    screen.print(table)
    screen.print(
        "vCPU (instances); busy and all slots; backlog in hours of one vCPU; wanted vCPU", style="dim"
    )
    unknown = sum(pool.vcpu_unknown for pool in found.pools)
    if unknown:
        screen.print(
            f"the vCPU of {format_count(unknown, 'instance')} are not known and not counted", style="dim"
        )
    for pool in found.pools:
        if pool.spot_shortfall_vcpu:
            line = f"pool {pool.pool}: Spot has not provided {pool.spot_shortfall_vcpu:,} of the wanted vCPU"
            screen.print(Text.assemble(("! ", "bold yellow"), printable(line)), soft_wrap=True)
    for pool in found.pools:
        if pool.decision is not None:
            _print_decision(screen, pool.decision, found.at)
    _print_ending(screen, found)


def _print_decision(screen: Console, decision: PoolDecision, now: float) -> None:
    """What the scaler of coordinators did last, and what keeps it from more."""
    ago = format_duration(max(now - decision.at, 0.0))
    line = (
        f"pool {decision.pool}: scaled {ago} ago by {decision.owner}: wanted {decision.wanted_vcpu:,} vCPU, "
        f"set Spot {decision.spot_vcpu:,} and On-Demand {decision.on_demand_vcpu:,}"
    )
    if decision.drained:
        line += f", ended {format_count(decision.drained, 'instance')}"
    screen.print(printable(line), soft_wrap=True)
    if decision.problem:
        applied = "never" if decision.decided is None else f"{format_duration(now - decision.decided)} ago"
        line = f"pool {decision.pool}: {decision.problem}; last applied: {applied}"
        screen.print(Text.assemble(("! ", "bold yellow"), printable(line)), soft_wrap=True)


def _cells(pool: PoolStatus) -> list[str]:
    oldest = format_duration(pool.oldest_due_s) if pool.due_jobs else ""
    backlog = "" if pool.backlog_vcpu_s is None else f"{pool.backlog_vcpu_s / _HOUR_S:,.1f}"
    return [
        printable(pool.pool),
        _capacity(pool.spot_vcpu, pool.spot_instances),
        _capacity(pool.on_demand_vcpu, pool.on_demand_instances),
        f"{pool.busy_slots:,}/{pool.slots:,}" if pool.slots or pool.busy_slots else "",
        f"{pool.due_jobs:,}" if pool.due_jobs else "",
        oldest,
        backlog,
        "" if pool.wanted_vcpu is None else f"{pool.wanted_vcpu:,}",
    ]


def _capacity(vcpu: int, instances: int) -> str:
    return f"{vcpu:,} ({instances:,})" if instances else ""


def _print_ending(screen: Console, found: FleetStatus) -> None:
    draining = sum(pool.draining for pool in found.pools)
    if draining:
        screen.print(f"{format_count(draining, 'worker')} draining")
    for each in found.ending[:_MAX_ENDING]:
        ago = format_duration(max(found.at - each.at, 0.0))
        line = f"{each.instance} ({each.pool or 'pool not known'}): {each.reason} {ago} ago"
        if each.workers:
            more = f" and {len(each.workers) - _MAX_WORKERS} more" if each.workers[_MAX_WORKERS:] else ""
            line += f", workers {', '.join(each.workers[:_MAX_WORKERS])}{more}"
        screen.print(Text.assemble(("! ", "bold yellow"), printable(line)), soft_wrap=True)
    if found.ending[_MAX_ENDING:]:
        screen.print(f"and {len(found.ending) - _MAX_ENDING:,} more instances", style="dim")
