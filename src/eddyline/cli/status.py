"""`eddyline status`: shows assets in progress, jobs, workers, and what needs an operator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eddyline.cli import options
from eddyline.cli.jobs import open_ledger
from eddyline.cli.terminal import console, shrinkable_cell
from eddyline.core.formatting import format_count, format_duration, printable

if TYPE_CHECKING:
    from eddyline.app.status import Status
    from eddyline.graph.ledger.overview import AssetStatus

OK, NEEDS_OPERATOR = 0, 1
_MAX_UNKNOWN = 10


def status(
    out: options.LibraryOut = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    events: Annotated[
        str,
        typer.Option(
            "--events",
            metavar="QUEUE",
            help="The event queue of an ingest: count its parked messages.",
            show_default=False,
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the status. Exits with 1 if an operator is needed: failures, unserved jobs, parked messages."""
    from eddyline.app.shared_services import SharedServices
    from eddyline.app.status import count_unhandled_messages, read_status

    shared = SharedServices.from_options(ledger=ledger, queues=queues)
    is_fleet = out is None or bool(queues)
    messages = count_unhandled_messages(shared, events) if is_fleet or events else ()
    with open_ledger(out, ledger, "") as opened:
        found = read_status(opened, shared.pools(), messages)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        print_status(console(), found)
    left = any(each.count for each in found.messages)
    raise typer.Exit(NEEDS_OPERATOR if found.failed or found.unserved or left else OK)


def print_status(screen: Console, found: Status) -> None:
    """Print the status as text; what needs an operator comes last, next to the prompt."""
    _print_assets(screen, found)
    _print_queues(screen, found)
    _print_workers(screen, found)
    for each in found.failed:
        name = found.names.get(each.asset, each.asset)
        line = f"{name} ({each.asset}) failed: {format_count(each.dead, 'dead job')}"
        screen.print(Text.assemble(("✗ ", "bold red"), printable(line)), soft_wrap=True)
        screen.print(f"  what to do: eddyline jobs list --asset {each.asset} --state dead", soft_wrap=True)
    for missing in found.unserved:
        line = f"{format_count(missing.jobs, 'job')} of pool {missing.pool} and no worker for them"
        screen.print(
            Text.assemble(("✗ ", "bold red"), f"{line}, for {format_duration(missing.waited_s)}"),
            soft_wrap=True,
        )
        screen.print(f"  what to do: {missing.remedy}", soft_wrap=True)
    for left in found.messages:
        if left.error:
            line = f"{left.queue}: {left.error}"
            screen.print(Text.assemble(("! ", "bold yellow"), printable(line)), soft_wrap=True)
        if left.count:
            line = f"about {format_count(left.count, 'message')} in {left.queue} need an operator"
            screen.print(Text.assemble(("✗ ", "bold red"), printable(line)), soft_wrap=True)
            screen.print(f"  what to do: {left.remedy}", soft_wrap=True)


def _print_assets(screen: Console, found: Status) -> None:
    screen.print(f"{format_count(found.under_way, 'asset')} in progress")
    if not found.assets:
        return
    owned = any(each.owner for each in found.assets)
    table = _table("asset", "file", *(["owner"] if owned else []), "done", "running", "redone", "elapsed")
    for each in found.assets:
        table.add_row(*_asset_cells(each, found, owned=owned))
    screen.print(table)
    if found.under_way > len(found.assets):
        screen.print(f"and {found.under_way - len(found.assets):,} more", style="dim")


def _asset_cells(each: AssetStatus, found: Status, *, owned: bool) -> Sequence[str | Text]:
    return (
        each.asset,
        shrinkable_cell(printable(found.names.get(each.asset, ""))),
        *([shrinkable_cell(printable(each.owner))] if owned else []),
        f"{each.done:.0%}",
        str(each.running),
        str(each.redone),
        format_duration(max(found.at - each.submitted, 0.0)),
    )


def _print_queues(screen: Console, found: Status) -> None:
    screen.print()
    if not found.queues:
        screen.print("No jobs are due.")
        return
    table = _table("pool", "due", "oldest", "delayed", "running", "workers")
    for queue in found.queues:
        oldest = format_duration(queue.oldest_s) if queue.due else ""
        cells = (queue.pool, queue.due, oldest, queue.delayed, queue.running, found.serving[queue.pool])
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else printable(cell) for cell in cells))
    screen.print(table)
    more = [f"{found.waiting:,} waiting for other jobs"] if found.waiting else []
    more += [f"{found.late:,} past their deadline"] if found.late else []
    if more:
        screen.print(", ".join(more), style="dim")


def _print_workers(screen: Console, found: Status) -> None:
    screen.print()
    lost = f", {found.overdue} lost" if found.overdue else ""
    screen.print(format_count(len(found.worker_names), "worker") + lost)
    for name in found.worker_names:
        screen.print(f"  {_describe_worker(name, found)}", style="dim", soft_wrap=True)
    if found.unknown:
        senders = format_count(len(found.unknown), "unknown sender")
        screen.print(f"{senders} of heartbeats, without a job so far and not counted", style="dim")
    for name in found.unknown[:_MAX_UNKNOWN]:
        screen.print(f"  {_describe_worker(name, found)}", style="dim", soft_wrap=True)


def _describe_worker(name: str, found: Status) -> str:
    """`cpu@ip-10-0-0-7:42-1a2c5b  i-0123456789abcdef0  c5.4xlarge  eu-central-1a  spot`, as far as known."""
    machine = found.machines.get(name)
    known = (
        () if machine is None else (machine.instance, machine.instance_type, machine.zone, machine.lifecycle)
    )
    return "  ".join(printable(word) for word in (name, *known) if word)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        text = heading in {"asset", "file", "owner", "pool"}
        table.add_column(
            heading, no_wrap=heading not in {"file", "owner"}, justify="left" if text else "right"
        )
    return table
