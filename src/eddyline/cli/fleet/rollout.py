"""`eddyline fleet rollout`: replaces the workers of a pool, a few at a time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli import options
from eddyline.cli.signals import Interruption
from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop

if TYPE_CHECKING:
    from eddyline.fleet.rollout import RolloutStep


def rollout(
    pool: Annotated[
        str, typer.Argument(metavar="POOL", help="The pool whose workers are replaced.", show_default=False)
    ],
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    at_a_time: Annotated[
        int, typer.Option("--at-a-time", min=1, max=1000, help="The number of workers that may be missing.")
    ] = 1,
    before: Annotated[
        str,
        typer.Option(
            "--before",
            metavar="TIME",
            help="Replace only workers that registered before this time (ISO 8601). Default: now.",
            show_default=False,
        ),
    ] = "",
    drain_timeout: Annotated[
        float,
        typer.Option("--drain-timeout", min=1, help="Seconds that a worker may take to finish its jobs."),
    ] = 7200.0,
    replace_timeout: Annotated[
        float,
        typer.Option("--replace-timeout", min=1, help="Seconds to wait for the replacement of a worker."),
    ] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replace the workers of a pool: each finishes its jobs and exits, and its service starts a new one.

    Run it after a new task revision was deployed. Repeated with the same --before, it goes on where it was.
    """
    from eddyline.app.fleet.rollout import roll_out
    from eddyline.app.shared_services import SharedServices
    from eddyline.fleet.rollout import RolloutRules

    shared = SharedServices.from_options(ledger=ledger, queues=queues)
    with shared.open_ledger() as opened:
        since = _seconds(before) if before else opened.now()

        def show(step: RolloutStep) -> None:
            for name in step.drain:
                typer.echo(f"draining {name}; {step.old} to replace", err=as_json)

        stop = Stop()
        with Interruption(stop) as interruption:
            drained = roll_out(
                opened,
                pool,
                before=since,
                rules=RolloutRules(at_a_time=at_a_time, replace_s=replace_timeout, drain_s=drain_timeout),
                stop=stop,
                on_step=show,
            )
    if as_json:
        typer.echo(
            json.dumps({"pool": pool, "before": since, "drained": drained, "done": not stop.requested})
        )
    elif stop.requested:
        typer.echo(f"stopped; to go on: eddyline fleet rollout {pool} --before {_text(since)}")
    else:
        typer.echo(f"replaced {drained} workers of pool {pool}")
    if interruption.exit_code:
        raise typer.Exit(interruption.exit_code)


def _seconds(time: str) -> float:
    try:
        parsed = datetime.fromisoformat(time)
    except ValueError:
        raise UsageError(
            f"--before: {time!r} is not a time", remedy="pass a time such as 2026-11-29T12:00:00Z"
        ) from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()
