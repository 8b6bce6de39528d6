"""`eddyline submit`: submits sources to a fleet."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from eddyline.cli import options
from eddyline.cli.run import run_with_display
from eddyline.core.errors import UsageError

_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Urgency(StrEnum):
    """The priority class of a submission."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


def submit(
    sources: options.Sources,
    store: options.Store = "",
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    profile: options.Profile = "default",
    priority: Annotated[
        Urgency, typer.Option("--priority", help="Interactive jobs run before bulk jobs.")
    ] = Urgency.BULK,
    owner: Annotated[
        str,
        typer.Option(
            "--owner", metavar="NAME", help="The owner; all owners get an equal share of the fleet."
        ),
    ] = "",
    deadline: Annotated[
        str,
        typer.Option(
            "--deadline", metavar="WHEN", help="When it should be done: 90s, 30m, 2h, or an ISO 8601 time."
        ),
    ] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all assets are done.")] = False,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Do not upload: every worker can read these paths."),
    ] = False,
    no_merge: options.NoMerge = False,
    as_json: options.JsonLines = False,
) -> None:
    """Submit recordings to a fleet. Repeating a submission does not repeat work."""
    from eddyline.app.shared_services import SharedServices
    from eddyline.app.submit import SubmitRequest, submit_sources
    from eddyline.pipeline.planning.job_options import JobOptions

    request = SubmitRequest(
        sources=tuple(sources),
        shared=SharedServices.from_options(store=store, ledger=ledger, queues=queues),
        profile=profile,
        options=JobOptions(
            owner=owner, urgency=priority.value, deadline=parse_deadline(deadline, time.time())
        ),
        merge=not no_merge,
        in_place=in_place,
        wait=wait,
    )
    raise typer.Exit(
        run_with_display(
            lambda stop, on_event: submit_sources(request, stop=stop, on_event=on_event), as_json=as_json
        )
    )


def parse_deadline(text: str, now: float) -> float | None:
    """Seconds since 1970 of "2h" from now, or of an ISO 8601 time (by default UTC); "": None.

    Raises `UsageError`.
    """
    if not text:
        return None
    duration = _DURATION.fullmatch(text.strip())
    if duration:
        return now + float(duration[1]) * _UNITS[duration[2]]
    try:
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is not a valid time", remedy="pass 90s, 30m, 2h, 1d, or 2026-12-24T18:00+01:00"
        ) from None
