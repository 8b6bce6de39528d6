"""The tables of `eddyline cost`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eddyline.cli.fleet.durations import describe
from eddyline.cli.terminal import shrinkable_cell
from eddyline.core.formatting import format_count, format_duration, printable

if TYPE_CHECKING:
    from eddyline.app.accounts.answers import Amount, AssetCosts, FleetCosts, Prices, UnknownCost, WorkCost

_MAX_ROWS = 50
_MAX_UNKNOWN = 10
UNKNOWN = "unknown"


def dollars(usd: float) -> str:
    """An amount in dollars: "1,234.50", "0.003217"; small ones to the nano-dollar: "0.000008397"."""
    if usd == 0:
        return "0"
    if abs(usd) >= 100:  # noqa: PLR2004 - four digits and more
        return f"{usd:,.2f}"
    if abs(usd) >= 1:
        return f"{usd:,.4f}"
    return f"{usd:.6f}" if abs(usd) >= 0.0001 else f"{usd:.9f}".rstrip("0")  # noqa: PLR2004 - six decimals


def print_costs(screen: Console, found: FleetCosts) -> None:
    """Print the costs of a range of time: the table, the machines, and what is not known."""
    if found.demonstration:
        screen.print(Text(printable(f"demonstration: {found.demonstration}"), style="bold yellow"))
    period = describe(round(found.stop - found.start))
    if not found.groups:
        screen.print(f"No job ran in the last {period}.")
    else:
        rows = [(each.key or UNKNOWN, each.work) for each in found.groups[:_MAX_ROWS]]
        screen.print(_table(found.by.value, [*rows, ("all", found.total)]))
        if found.groups[_MAX_ROWS:]:
            more = format_count(len(found.groups) - _MAX_ROWS, f"more {found.by.value}")
            screen.print(f"and {more} (all with --json)", style="dim")
    _print_machines(screen, found)
    _print_unknown(screen, found.unknown)
    _print_prices(screen, found.prices)


def _print_machines(screen: Console, found: FleetCosts) -> None:
    machines = found.machines
    if machines.instances:
        screen.print(
            f"{format_count(machines.instances, 'instance')} cost "
            f"${dollars(machines.instance_cost.listed_usd)}: "
            f"starts ${dollars(machines.starts.listed_usd)}, boot ${dollars(machines.boot.listed_usd)}, "
            f"idle ${dollars(machines.idle.listed_usd)}, drain ${dollars(machines.drain.listed_usd)}",
            soft_wrap=True,
        )
        if machines.instance_cost.billed_nanousd != machines.instance_cost.listed_nanousd:
            screen.print(
                f"billed ${dollars(machines.instance_cost.billed_usd)}: AWS bills nothing for instances that "
                "it interrupts within their first hour",
                soft_wrap=True,
            )
    if machines.starts_outside_life:
        count = format_count(machines.starts_outside_life, "start")
        screen.print(f"{count} outside the recorded life of the instance count as $0", style="dim")


def print_asset(screen: Console, found: AssetCosts) -> None:
    """Print the cost of one asset."""
    owner = f" of {found.owner}" if found.owner else ""
    screen.print(Text(printable(f"asset {found.asset}{owner}")))
    if not found.kinds:
        screen.print("No job of it has started, or its starts are older than the start history.")
    else:
        rows = [(each.key, each.work) for each in found.kinds]
        screen.print(_table("kind", [*rows, ("all", found.total)]))
    if found.renditions:
        screen.print()
        screen.print(_renditions(found))
    if found.total.cost is not None and found.minute is not None and found.minute_with_overhead is not None:
        screen.print(
            f"${dollars(found.minute.listed_usd)} a minute of output, "
            f"${dollars(found.minute_with_overhead.listed_usd)} with overhead",
            soft_wrap=True,
        )
    _print_unknown(screen, found.unknown)
    _print_prices(screen, found.prices)


def _renditions(found: AssetCosts) -> Table:
    table = _columns("rendition", "list $", "billed $", "overhead $", "$ a minute")
    for each in found.renditions:
        table.add_row(
            printable(each.name),
            dollars(each.cost.listed_usd),
            dollars(each.cost.billed_usd),
            dollars(each.overhead.listed_usd),
            _amount(each.minute),
        )
    if found.shared is not None:
        table.add_row("shared", dollars(found.shared.listed_usd), dollars(found.shared.billed_usd), "", "")
    return table


def _table(heading: str, rows: Sequence[tuple[str, WorkCost]]) -> Table:
    table = _columns(heading, "starts", "slot time", "list $", "billed $", "redone $", "overhead $")
    for key, work in rows:
        table.add_row(
            shrinkable_cell(printable(key)),
            f"{work.starts:,}",
            format_duration(work.slot_s),
            _cost(work),
            UNKNOWN if work.cost is None else dollars(work.cost.billed_usd),
            _amount(work.redone),
            _amount(work.overhead),
            style="bold" if key == "all" else None,
        )
    return table


def _cost(work: WorkCost) -> str:
    """The listed cost; ">" before one that lacks starts whose cost is not known."""
    if work.cost is None:
        return UNKNOWN
    return f"{'>' if work.unknown_starts else ''}{dollars(work.cost.listed_usd)}"


def _amount(amount: Amount | None) -> str:
    return "" if amount is None else dollars(amount.listed_usd)


def _columns(first: str, *headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _print_unknown(screen: Console, unknown: Sequence[UnknownCost]) -> None:
    for each in unknown[:_MAX_UNKNOWN]:
        what = " ".join(word for word in (each.instance_type, each.zone) if word)
        line = f"cost not known, {each.reason}{f' of {what}' if what else ''}: "
        parts = [format_count(each.instances, "instance")] if each.instances else []
        parts += [f"{each.instance_hours:,.1f} instance-hours"] if each.instance_hours else []
        parts += (
            [f"{format_count(each.starts, 'start')} of {format_duration(each.slot_s)}"] if each.starts else []
        )
        screen.print(Text.assemble(("! ", "bold yellow"), printable(line + ", ".join(parts))), soft_wrap=True)
        if each.reason == "no price of this machine":
            screen.print("  what to do: pass --machine-price USD", soft_wrap=True)
    if unknown[_MAX_UNKNOWN:]:
        screen.print(f"and {len(unknown) - _MAX_UNKNOWN:,} more reasons", style="dim")


def _print_prices(screen: Console, prices: Sequence[Prices]) -> None:
    for each in prices:
        first, last = _date(each.first), _date(each.last)
        dates = first if first == last else f"{first} to {last}"
        screen.print(printable(f"{each.option} prices: {each.name}, of {dates}"), style="dim", soft_wrap=True)


def _date(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
