"""`eddyline jobs`: look into the jobs of an output folder or a fleet, and set them going again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli import options
from eddyline.cli.job_views import STATE_ORDER, job_fields, print_job, print_jobs, write_json
from eddyline.cli.terminal import console
from eddyline.core.errors import UsageError
from eddyline.core.formatting import printable
from eddyline.graph.states import State

if TYPE_CHECKING:
    from eddyline.graph.job import Job
    from eddyline.graph.ledger.ledger import Ledger

commands = typer.Typer(
    help="List, show, retry or cancel jobs; drain workers. Of an output folder, or of a fleet (--ledger).",
    no_args_is_help=True,
)

Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="The output folder. [default: out]", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_DEFAULT_OUT = Path("out")
_LISTED = 100  # jobs in a table unless --limit says otherwise
_BY_HAND = "cancelled by hand"
_DAY_S = 86_400.0
_LOOK_EVERY_S = 0.5
_ARCHIVE_PAUSE_S = 0.02


@commands.command("list")
def list_jobs(
    out: Out = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    asset: Annotated[str | None, typer.Option("--asset", help="Only of this asset.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only in this state.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=0,
            show_default=False,
            help=f"List at most this many jobs; 0: all. [default: {_LISTED}; all with --json]",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs: running and failed jobs first, done jobs last."""
    opened = open_ledger(out, ledger, queues)
    most = (0 if as_json else _LISTED) if limit is None else limit
    states = STATE_ORDER if state is None else (state,)
    pages = opened.job_pages(states, asset=asset, kind=kind, limit=most or None)
    if as_json:
        write_json(pages, typer.echo)
        return
    counts = opened.counts(asset, kind)
    found = {each: counts[each] for each in states if counts[each]}
    if not found:
        typer.echo("No such jobs.")
        return
    print_jobs(console(), pages, found, most)


@commands.command("show")
def show_job(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Its id, or its beginning.", show_default=False)],
    out: Out = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    as_json: AsJson = False,
) -> None:
    """Show one job with its result, or with the evidence of its failure."""
    found = _find(open_ledger(out, ledger, queues), job)
    if as_json:
        typer.echo(json.dumps(job_fields(found), indent=2))
    else:
        print_job(console(), found)


@commands.command("retry")
def retry_jobs(
    jobs: Annotated[list[str] | None, typer.Argument(metavar="[JOB...]", show_default=False)] = None,
    out: Out = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    every: Annotated[bool, typer.Option("--all", help="All jobs that failed for good.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give failed jobs new attempts; the next `eddyline run` does them."""
    if every == bool(jobs):
        raise UsageError("which jobs?", remedy="name some (`eddyline jobs list --state dead`), or say --all")
    opened = open_ledger(out, ledger, queues)
    chosen = opened.jobs(state=State.DEAD) if every else [_find(opened, job) for job in jobs or []]
    _say("retried", opened.redrive(*(job.id for job in chosen)) if chosen else [], as_json=as_json)


@commands.command("cancel")
def cancel_jobs(
    names: Annotated[list[str], typer.Argument(metavar="JOB|ASSET...", show_default=False)],
    out: Out = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    as_json: AsJson = False,
) -> None:
    """Cancel jobs, or all open jobs of an asset."""
    opened = open_ledger(out, ledger, queues)
    assets = [name for name in names if opened.jobs(asset=name)]
    jobs = [_find(opened, name).id for name in names if name not in assets]
    cancelled = [job for asset in assets for job in opened.cancel(asset=asset, reason=_BY_HAND)]
    cancelled += [job for name in jobs for job in opened.cancel(job=name, reason=_BY_HAND)]
    _say("cancelled", cancelled, as_json=as_json)


@commands.command("drain")
def drain_worker(
    worker: Annotated[
        str,
        typer.Argument(
            metavar="WORKER", help="Its name, or a part of it that no other has.", show_default=False
        ),
    ],
    out: Out = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    wait: Annotated[bool, typer.Option("--wait", help="Come back once it is gone.")] = False,
) -> None:
    """Have a worker take nothing new, finish what it runs, and end."""
    opened = open_ledger(out, ledger, queues)
    alive = [each.name for each in opened.workers()]
    found = [name for name in alive if name == worker] or [name for name in alive if worker in name]
    if len(found) != 1:
        known = ", ".join(found or alive) or "none"
        raise UsageError(f"{worker!r} names {len(found)} workers", remedy=f"name one of: {known}")
    if not opened.drain(found[0], "drained by hand"):
        raise UsageError(f"{found[0]} is gone already")
    typer.echo(f"{found[0]} is told to end")
    while wait and (left := [each for each in opened.workers() if each.name == found[0]]):
        if left[0].deadline < opened.now():
            typer.echo(f"{found[0]} was not heard of in time: others get its jobs")
            return
        time.sleep(_LOOK_EVERY_S)


@commands.command("redrive")
def redrive_letters(
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many messages.")] = 1000,
    drop: Annotated[
        bool,
        typer.Option("--drop", help="Delete messages that are unreadable or name no job of this ledger."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Redrive the dead-letter queue: publish jobs whose messages the queue gave up again, by the ledger."""
    from eddyline.app.dead_letters import redrive
    from eddyline.app.shared_services import SharedServices

    found = redrive(SharedServices.of(ledger=ledger, queues=queues), limit=limit, drop=drop)
    if as_json:
        lists = {"again": found.again, "settled": found.settled, "kept": found.kept, "dropped": found.dropped}
        typer.echo(json.dumps(lists))
        return
    _say("sent again", found.again, as_json=False)
    for letter, reason in found.dropped.items():
        typer.echo(f"dropped {letter}: {printable(reason)}")
    for letter, reason in found.kept.items():
        typer.echo(f"kept {letter}: {printable(reason)}")
    if found.kept:
        typer.echo("what to do: see why they are there, then delete them with --drop")


@commands.command("archive")
def archive_jobs(
    older_than: Annotated[
        float, typer.Option("--older-than", metavar="DAYS", min=0, help="Assets that ended so long ago.")
    ],
    out: Out = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    as_json: AsJson = False,
) -> None:
    """Move the jobs of assets that ended long ago out of the way; workers are not held up."""
    count = open_ledger(out, ledger, queues).archive(
        older_than_s=older_than * _DAY_S, pause_s=_ARCHIVE_PAUSE_S
    )
    typer.echo(json.dumps({"archived": count}) if as_json else f"archived {count} jobs")


def open_ledger(out: Path | None, ledger: str, queues: str) -> Ledger:
    """The fleet's ledger where one is named and no folder is; else the folder's."""
    from eddyline import app
    from eddyline.app.shared_services import SharedServices

    if out is not None and ledger:
        raise UsageError("--out and --ledger name two ledgers", remedy="leave one of them out")
    shared = SharedServices.of(ledger=ledger, queues=queues)
    if out is None and shared.ledger:
        return shared.open_ledger()
    return app.open_ledger(out or _DEFAULT_OUT)


def _find(ledger: Ledger, name: str) -> Job:
    """The job with this id, or the only one whose id begins so."""
    found = ledger.find_jobs(name)
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(job.id for job in found[:5])
        raise UsageError(f"{name!r} may mean {len(found)} jobs", remedy=f"write more of it: {ids}")
    raise UsageError(f"there is no job {name!r}", remedy="`eddyline jobs list` names them")


def _say(verb: str, ids: list[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({verb: ids}))
    else:
        typer.echo(f"{verb} {len(ids)}: {', '.join(ids)}" if ids else f"nothing to be {verb}")
