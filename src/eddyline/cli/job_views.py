"""Formats jobs as text and as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from eddyline.cli.terminal import shrinkable_cell
from eddyline.core.formatting import printable
from eddyline.graph.states import State

if TYPE_CHECKING:
    from eddyline.graph.job import Job


_TIMES = frozenset({"started", "finished", "ready_at", "lease_deadline"})  # seconds since 1970
_KEYS = {"pool": "cls", "dependencies": "needs"}  # keys of `--json`, kept for the programs that read them
STATE_ORDER = (State.RUNNING, State.DEAD, State.READY, State.WAITING, State.CANCELLED, State.DONE)
"""The order of a listing: running and dead jobs first."""


def job_fields(job: Job) -> dict[str, Any]:
    """The fields of a job by name, as JSON values."""
    return {
        **asdict(job),
        "state": str(job.state),
        "dependencies": list(job.dependencies),
        "optional": list(job.optional),
    }


def job_json(job: Job) -> dict[str, Any]:
    """The fields of a job under their keys in the output of `--json`."""
    return {_KEYS.get(name, name): value for name, value in job_fields(job).items()}


def write_json(pages: Iterable[Sequence[Job]], write: Callable[[str], None]) -> None:
    """Write jobs as one JSON array, one job per line, page by page."""
    write("[")
    before = ""
    for page in pages:
        for job in page:
            if before:
                write(f"{before},")
            before = json.dumps(job_json(job))
    if before:
        write(before)
    write("]")


def print_jobs(
    screen: Console, pages: Iterable[Sequence[Job]], counts: Mapping[State, int], limit: int
) -> None:
    """Print a table for each page, then the counts by state; at most `limit` jobs are listed (0: all)."""
    for number, page in enumerate(pages):
        screen.print(_table(page, show_header=number == 0))
    screen.print("\n" + ", ".join(f"{count:,} {state}" for state, count in counts.items()), style="dim")
    more = sum(counts.values()) - limit
    if limit and more > 0:
        screen.print(f"{more:,} more jobs; to list them, pass --limit, --state, --asset or --kind")


def _table(jobs: Sequence[Job], *, show_header: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=show_header)
    table.add_column("job", no_wrap=True)  # to be copied, so never wrapped
    table.add_column("state", no_wrap=True)
    table.add_column("attempt", no_wrap=True, justify="right")
    table.add_column("error", style="dim")
    for job in jobs:
        error = shrinkable_cell(printable((job.error or {}).get("message", "")))
        table.add_row(printable(job.id), str(job.state), str(job.attempt), error)
    return table


def print_job(screen: Console, job: Job) -> None:
    """Print all non-empty fields of a job."""
    for name, value in job_fields(job).items():
        _print_field(screen, name, _moment(value) if name in _TIMES and value else value, "")


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _print_field(screen: Console, name: str, value: Any, indent: str) -> None:  # noqa: ANN401 - any JSON value
    """Print a field; nested values are indented, text of several lines (of FFmpeg) is unchanged."""
    if value in (None, "", [], {}):
        return
    heading = f"{indent}{printable(name)}:"
    if isinstance(value, dict):
        screen.print(heading, soft_wrap=True)
        for inner, each in value.items():
            _print_field(screen, inner, each, indent + "  ")
    elif isinstance(value, str) and "\n" in value.strip():
        screen.print(heading, soft_wrap=True)
        for line in value.strip().splitlines():
            screen.print(f"{indent}  {printable(line)}", soft_wrap=True)
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        screen.print(
            f"{heading} {printable(shlex.join(value))}", soft_wrap=True
        )  # argv, ready to paste into a shell
    else:
        screen.print(f"{heading} {printable(value)}", soft_wrap=True)
