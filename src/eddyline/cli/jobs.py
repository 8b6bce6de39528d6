"""`eddyline jobs`: look into the state of an output folder, and set jobs going again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli.jobviews import in_order, job_fields, print_job, print_jobs
from eddyline.cli.terminal import console
from eddyline.core.errors import UsageError
from eddyline.graph.states import State

if TYPE_CHECKING:
    from eddyline.graph.job import Job
    from eddyline.graph.ledger import Ledger

commands = typer.Typer(help="List, show, retry or cancel the jobs of an output folder.", no_args_is_help=True)

Out = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The output folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_DEFAULT_OUT = Path("out")
_BY_HAND = "cancelled by hand"


@commands.command("list")
def list_jobs(
    out: Out = _DEFAULT_OUT,
    asset: Annotated[str | None, typer.Option("--asset", help="Only of this asset.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only in this state.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind.")] = None,
    as_json: AsJson = False,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """List jobs, what runs or failed before what is done."""
    found = in_order(_ledger(out).jobs(asset=asset, state=state, kind=kind))
    if as_json:
        typer.echo(json.dumps([job_fields(job) for job in found], indent=2))
    elif found:
        print_jobs(console(), found)
    else:
        typer.echo("No such jobs.")


@commands.command("show")
def show_job(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Its id, or its beginning.", show_default=False)],
    out: Out = _DEFAULT_OUT,
    as_json: AsJson = False,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Show one job with its result, or with the evidence of its failure."""
    found = _find(_ledger(out), job)
    if as_json:
        typer.echo(json.dumps(job_fields(found), indent=2))
    else:
        print_job(console(), found)


@commands.command("retry")
def retry_jobs(
    jobs: Annotated[list[str] | None, typer.Argument(metavar="[JOB...]", show_default=False)] = None,
    out: Out = _DEFAULT_OUT,
    every: Annotated[bool, typer.Option("--all", help="All jobs that failed for good.")] = False,  # noqa: FBT002 - Typer's way to declare a flag
    as_json: AsJson = False,  # noqa: FBT002 - likewise
) -> None:
    """Give failed jobs new attempts; the next `eddyline run` does them."""
    if every == bool(jobs):
        raise UsageError("which jobs?", remedy="name some (`eddyline jobs list --state dead`), or say --all")
    ledger = _ledger(out)
    chosen = ledger.jobs(state=State.DEAD) if every else [_find(ledger, job) for job in jobs or []]
    _say("retried", ledger.redrive(*(job.id for job in chosen)) if chosen else [], as_json=as_json)


@commands.command("cancel")
def cancel_jobs(
    names: Annotated[list[str], typer.Argument(metavar="JOB|ASSET...", show_default=False)],
    out: Out = _DEFAULT_OUT,
    as_json: AsJson = False,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Cancel jobs, or all open jobs of an asset."""
    ledger = _ledger(out)
    assets = [name for name in names if ledger.jobs(asset=name)]
    jobs = [_find(ledger, name).id for name in names if name not in assets]
    cancelled = [job for asset in assets for job in ledger.cancel(asset=asset, reason=_BY_HAND)]
    cancelled += [job for name in jobs for job in ledger.cancel(job=name, reason=_BY_HAND)]
    _say("cancelled", cancelled, as_json=as_json)


def _ledger(out: Path) -> Ledger:
    from eddyline import app  # noqa: PLC0415 - heavy: help and --version must not wait for it

    return app.open_ledger(out)


def _find(ledger: Ledger, name: str) -> Job:
    """The job with this id, or the only one whose id begins so."""
    every = ledger.jobs()
    found = [job for job in every if job.id == name] or [job for job in every if job.id.startswith(name)]
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
