"""`eddyline ingest`: submits the new objects of S3 events to a fleet."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from eddyline.cli import options
from eddyline.cli.json_output import encode_line
from eddyline.cli.signals import Interruption, exit_immediately
from eddyline.cli.terminal import console
from eddyline.core.stop import Stop

if TYPE_CHECKING:
    from eddyline.ingest.messages import IngestOutcome

_POLL_S = 0.1
_GRACE_S = 1.7  # from a signal to the exit, which must take at most 2 s

_JSON_FIELDS = ("message", "address", "asset", "reason", "cause")
_COLOURS = {"submitted": "green", "ignored": "dim", "parked": "bold red", "postponed": "yellow"}


def ingest(
    events: Annotated[
        str,
        typer.Option("--events", metavar="QUEUE", help="The SQS queue of the S3 or EventBridge events."),
    ],
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", help="A file of rules: the profile of each object."),
    ] = None,
    profile: options.DefaultProfile = "default",
    store: options.Store = "",
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow", metavar="BUCKET", help="Allow this bucket to send events to the queue (repeatable)."
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option("--hands", min=1, max=64, help="The number of objects processed concurrently.")
    ] = 4,
    lease: options.Lease = 60.0,
    metrics: options.Metrics = "",
    as_json: options.JsonLines = False,
) -> None:
    """Submit new objects of S3 buckets. Several ingests of one queue may run at the same time."""
    from eddyline.app.ingest import IngestRequest, run_ingest
    from eddyline.app.shared_services import SharedServices

    request = IngestRequest(
        events=events,
        shared=SharedServices.from_options(store=store, ledger=ledger, queues=queues),
        rules=rules,
        profile=profile,
        buckets=tuple(allow or ()),
        threads=threads,
        lease_s=lease,
        metrics=metrics,
    )
    stop, lines = Stop(), Lines(console(), as_json=as_json)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            run_ingest(request, stop=stop, on_outcome=lines.show)
        except BaseException as error:  # noqa: BLE001 - raised by the main thread
            failures.append(error)

    with Interruption(stop) as interruption:
        worker = threading.Thread(target=work, name="ingest", daemon=True)
        worker.start()
        while worker.is_alive() and not stop.requested:
            worker.join(_POLL_S)
        worker.join(_GRACE_S)
        if interruption.signal is not None:
            # SIGTERM is the regular end. Another process repeats the requests that are still in progress.
            exit_immediately(0 if interruption.signal == signal.SIGTERM else interruption.exit_code or 0)
    for failure in failures:
        raise failure


class Lines:
    """Prints one line per event, in colour or as JSON; safe from any thread."""

    def __init__(self, screen: Console, *, as_json: bool) -> None:
        self._screen = screen
        self._as_json = as_json
        self._lock = threading.Lock()

    def show(self, outcome: IngestOutcome) -> None:
        """Print an event."""
        with self._lock:
            if self._as_json:
                sys.stdout.write(
                    encode_line({"timestamp": _now(), "event": outcome.what, **_plain(outcome)}) + "\n"
                )
                sys.stdout.flush()  # a reader waits for each line
            else:
                self._screen.print(_line(outcome), soft_wrap=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _plain(outcome: IngestOutcome) -> dict[str, str]:
    return {name: value for name, value in asdict(outcome).items() if name in _JSON_FIELDS and value}


def _line(outcome: IngestOutcome) -> Text:
    from eddyline.core.formatting import printable

    about = printable(outcome.address or outcome.message)
    asset = f"  asset {outcome.asset}" if outcome.asset else ""
    reason = f"  {printable(outcome.reason)}" if outcome.reason else ""
    return Text.assemble((f"{outcome.what:<10}", _COLOURS[outcome.what]), about, asset, (reason, "dim"))
