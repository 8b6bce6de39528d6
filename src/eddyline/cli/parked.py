"""`eddyline parked`: lists the messages that an ingest parked, sends them again, or deletes them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from eddyline.cli.terminal import console
from eddyline.core.errors import UsageError
from eddyline.core.formatting import format_count, format_duration, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eddyline.aws.s3_events.parked_messages import ParkedMessage

_MAX_SHOWN = 80  # characters of a message without an object


def parked(
    events: Annotated[
        str,
        typer.Option("--events", metavar="QUEUE", help="The SQS queue of the S3 or EventBridge events."),
    ],
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="The ids of the messages.", show_default=False)
    ] = None,
    redrive: Annotated[bool, typer.Option("--redrive", help="Send the messages to the queue again.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Delete the messages.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Select all parked messages.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The maximum number of messages.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the messages that `eddyline ingest` parked, with the reasons; redrive or delete them."""
    from eddyline.app.parked import open_parked_messages

    chosen = tuple(ids or ())
    if redrive and drop:
        raise UsageError("--redrive and --drop are mutually exclusive", remedy="pass only one of them")
    if (redrive or drop) and every == bool(chosen):
        raise UsageError(
            "no messages are specified, or both ids and --all", remedy="pass message ids, or --all"
        )
    if chosen and not (redrive or drop):
        raise UsageError("no action is specified", remedy="pass --redrive or --drop")
    found = open_parked_messages(events)
    if redrive:
        _print(console(), found.redrive(chosen, limit=limit), "redriven", as_json=as_json)
    elif drop:
        _print(console(), found.drop(chosen, limit=limit), "dropped", as_json=as_json)
    else:
        _print(console(), found.list_all(limit=limit), "parked", as_json=as_json)


def _print(screen: Console, found: Sequence[ParkedMessage], verb: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    for each in found:
        about = ", ".join(each.addresses) or each.body[:_MAX_SHOWN]
        age = format_duration(max(time.time() - each.at, 0.0))
        screen.print(
            Text.assemble((each.id, "bold"), f"  {printable(about)}", (f"  {age}", "dim")), soft_wrap=True
        )
        screen.print(f"  {printable(each.reason)}", soft_wrap=True, markup=False, highlight=False)
    screen.print(f"{format_count(len(found), 'message')} {verb}")
