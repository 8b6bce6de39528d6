"""`eddyline jobs`: lists, shows, retries and cancels the jobs of an output directory or a fleet."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli import options
from eddyline.cli.job_views import STATE_ORDER, job_json, print_job, print_jobs, write_json
from eddyline.cli.terminal import console
from eddyline.core.errors import EddylineError, UsageError
from eddyline.core.formatting import printable
from eddyline.graph.states import State

if TYPE_CHECKING:
    from eddyline.graph.job import Job
    from eddyline.graph.ledger.ledger import Ledger
    from eddyline.store.store import Store

commands = typer.Typer(
    help="List, show, retry or cancel jobs of an output directory or a fleet (--ledger); drain workers.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_DEFAULT_OUT = Path("out")
_DEFAULT_LIMIT = 100  # jobs in a table
_CANCEL_REASON = "cancelled by an operator"
_DAY_S = 86_400.0
_POLL_S = 0.5
_ARCHIVE_PAUSE_S = 0.02


@commands.command("list")
def list_jobs(
    out: options.LibraryOut = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    asset: Annotated[str | None, typer.Option("--asset", help="List only jobs of this asset.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="List only jobs in this state.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="List only jobs of this kind.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=0,
            show_default=False,
            help=f"The maximum number of jobs to list; 0: all. Default: {_DEFAULT_LIMIT}; all with --json.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs: running and failed jobs first, done jobs last."""
    opened = open_ledger(out, ledger, queues)
    most = (0 if as_json else _DEFAULT_LIMIT) if limit is None else limit
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
    job: Annotated[
        str,
        typer.Argument(metavar="JOB", help="The id of a job, or its first characters.", show_default=False),
    ],
    out: options.LibraryOut = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    as_json: AsJson = False,
) -> None:
    """Show one job with its result or the details of its failure."""
    found = _find(open_ledger(out, ledger, queues), job)
    if as_json:
        typer.echo(json.dumps(job_json(found), indent=2))
    else:
        print_job(console(), found)


@commands.command("retry")
def retry_jobs(
    jobs: Annotated[list[str] | None, typer.Argument(metavar="JOB", show_default=False)] = None,
    out: options.LibraryOut = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    every: Annotated[bool, typer.Option("--all", help="Retry all dead jobs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Retry dead jobs. The next `eddyline run`, or the workers of the fleet, execute them."""
    if every == bool(jobs):
        raise UsageError(
            "no jobs are specified, or both jobs and --all",
            remedy="pass job ids (`eddyline jobs list --state dead`), or --all",
        )
    opened = open_ledger(out, ledger, queues)
    chosen = opened.jobs(state=State.DEAD) if every else [_find(opened, job) for job in jobs or []]
    _print_ids("retried", opened.redrive(*(job.id for job in chosen)) if chosen else [], as_json=as_json)


@commands.command("cancel")
def cancel_jobs(
    names: Annotated[list[str], typer.Argument(metavar="JOB|ASSET", show_default=False)],
    out: options.LibraryOut = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    as_json: AsJson = False,
) -> None:
    """Cancel jobs, or all open jobs of an asset."""
    opened = open_ledger(out, ledger, queues)
    assets = [name for name in names if opened.jobs(asset=name)]
    jobs = [_find(opened, name).id for name in names if name not in assets]
    cancelled = _cancel_assets(opened, _library_store(out, ledger, queues), assets)
    cancelled += [job for name in jobs for job in opened.cancel(job=name, reason=_CANCEL_REASON)]
    _print_ids("cancelled", cancelled, as_json=as_json)


def _library_store(out: Path | None, ledger: str, queues: str) -> Store | None:
    """The store of the library; None if it is not set or unavailable: jobs are cancelled all the same."""
    from eddyline.app.library import library_store
    from eddyline.app.shared_services import SharedServices

    try:
        return library_store(out, SharedServices.from_options(ledger=ledger, queues=queues, out=out))
    except EddylineError:
        return None


def _cancel_assets(opened: Ledger, store: Store | None, assets: list[str]) -> list[str]:
    from eddyline.library.asset_actions import cancel_jobs_of_asset

    return [job for asset in assets for job in cancel_jobs_of_asset(opened, store, asset, _CANCEL_REASON)]


@commands.command("drain")
def drain_worker(
    worker: Annotated[
        str,
        typer.Argument(
            metavar="WORKER", help="The name of a worker, or a unique part of it.", show_default=False
        ),
    ],
    out: options.LibraryOut = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the worker has exited.")] = False,
) -> None:
    """Drain a worker: it starts no new jobs, finishes its running jobs, and exits."""
    opened = open_ledger(out, ledger, queues)
    alive = [each.name for each in opened.workers()]
    found = [name for name in alive if name == worker] or [name for name in alive if worker in name]
    if len(found) != 1:
        known = ", ".join(found or alive) or "none"
        raise UsageError(f"{worker!r} matches {len(found)} workers", remedy=f"pass one of: {known}")
    if not opened.drain(found[0], "drained by an operator"):
        raise UsageError(f"the worker {found[0]} has already exited")
    typer.echo(f"draining {found[0]}")
    while wait and (left := [each for each in opened.workers() if each.name == found[0]]):
        if left[0].deadline < opened.now():
            typer.echo(f"{found[0]} stopped sending heartbeats: other workers get its jobs")
            return
        time.sleep(_POLL_S)


@commands.command("redrive")
def redrive_dead_letters(
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The maximum number of messages.")] = 1000,
    drop: Annotated[
        bool,
        typer.Option("--drop", help="Delete messages that are unreadable or without a job in this ledger."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Redrive the dead-letter queue: publish the jobs of its messages again."""
    from eddyline.app.dead_letters import redrive
    from eddyline.app.shared_services import SharedServices

    found = redrive(SharedServices.from_options(ledger=ledger, queues=queues), limit=limit, drop=drop)
    if as_json:
        lists = {"again": found.again, "settled": found.settled, "kept": found.kept, "dropped": found.dropped}
        typer.echo(json.dumps(lists))
        return
    _print_ids("published", found.again, as_json=False)
    for message, reason in found.dropped.items():
        typer.echo(f"dropped {message}: {printable(reason)}")
    for message, reason in found.kept.items():
        typer.echo(f"kept {message}: {printable(reason)}")
    if found.kept:
        typer.echo("what to do: examine the reasons, then delete the messages with --drop")


@commands.command("archive")
def archive_jobs(
    older_than: Annotated[
        float,
        typer.Option(
            "--older-than", metavar="DAYS", min=0, help="Archive assets that ended more than DAYS days ago."
        ),
    ],
    out: options.LibraryOut = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    as_json: AsJson = False,
) -> None:
    """Move the jobs of old assets to the archive. Workers are not blocked."""
    opened = open_ledger(out, ledger, queues)
    count = opened.archive(older_than_s=older_than * _DAY_S, pause_s=_ARCHIVE_PAUSE_S)
    opened.starts.prune(pause_s=_ARCHIVE_PAUSE_S)  # a fleet without coordinators has no other occasion
    typer.echo(json.dumps({"archived": count}) if as_json else f"archived {count} jobs")


def open_ledger(out: Path | None, ledger: str, queues: str) -> Ledger:
    """Open the ledger of the fleet if one is set and `out` is not, else the ledger of the directory."""
    from eddyline import app
    from eddyline.app.shared_services import SharedServices

    shared = SharedServices.from_options(ledger=ledger, queues=queues, out=out)
    if out is None and shared.ledger:
        return shared.open_ledger()
    return app.open_ledger(out or _DEFAULT_OUT)


def _find(ledger: Ledger, name: str) -> Job:
    """The job with this id, or with a unique id prefix."""
    found = ledger.find_jobs(name)
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(job.id for job in found[:5])
        raise UsageError(f"{name!r} matches {len(found)} jobs", remedy=f"pass a longer prefix: {ids}")
    raise UsageError(f"unknown job {name!r}", remedy="list the jobs with `eddyline jobs list`")


def _print_ids(verb: str, ids: list[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({verb: ids}))
    else:
        typer.echo(f"{verb} {len(ids)}: {', '.join(ids)}" if ids else f"no jobs {verb}")
