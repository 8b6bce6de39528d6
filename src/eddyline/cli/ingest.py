"""`eddyline ingest`: what S3 tells of new objects is submitted to a fleet."""

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

_LOOK_S = 0.1
_GRACE_S = 1.7  # from a signal to the end: 2 s are promised, whatever a server is waited for

_SHOWN = ("message", "address", "asset", "reason", "cause")
_WORDS = {"submitted": "green", "ignored": "dim", "parked": "bold red", "postponed": "yellow"}


def ingest(
    events: Annotated[
        str,
        typer.Option("--events", metavar="QUEUE", help="The SQS queue that S3 or EventBridge tells."),
    ],
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="What to make of which objects.")
    ] = None,
    profile: options.DefaultProfile = "default",
    store: options.Store = "",
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="BUCKET", help="Let this bucket send to the queue; may be repeated."),
    ] = None,
    hands: Annotated[int, typer.Option("--hands", min=1, max=64, help="Objects looked at at a time.")] = 4,
    lease: options.Lease = 60.0,
    metrics: options.Metrics = "",
    as_json: options.JsonLines = False,
) -> None:
    """Submit new objects of S3 as they are uploaded, until told to stop. Run as many as you like."""
    from eddyline.app.ingest import IngestRequest
    from eddyline.app.ingest import run_ingest as keep_ingesting
    from eddyline.app.shared_services import SharedServices

    request = IngestRequest(
        events=events,
        shared=SharedServices.of(store=store, ledger=ledger, queues=queues),
        rules=rules,
        profile=profile,
        buckets=tuple(allow or ()),
        hands=hands,
        lease_s=lease,
        metrics=metrics,
    )
    stop, lines = Stop(), Lines(console(), as_json=as_json)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            keep_ingesting(request, stop=stop, on_outcome=lines.show)
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            failures.append(error)

    with Interruption(stop) as interruption:
        worker = threading.Thread(target=work, name="ingest", daemon=True)
        worker.start()
        while worker.is_alive() and not stop.requested:
            worker.join(_LOOK_S)
        worker.join(_GRACE_S)
        if interruption.signal is not None:
            # SIGTERM is how it is meant to end. What a server still holds up is done again by another.
            exit_immediately(0 if interruption.signal == signal.SIGTERM else interruption.exit_code or 0)
    for failure in failures:
        raise failure


class Lines:
    """One line for each note, in colour or as JSON; safe from any thread."""

    def __init__(self, screen: Console, *, as_json: bool) -> None:
        self._screen = screen
        self._as_json = as_json
        self._lock = threading.Lock()

    def show(self, note: IngestOutcome) -> None:
        """Print a note."""
        with self._lock:
            if self._as_json:
                sys.stdout.write(
                    encode_line({"timestamp": _now(), "event": note.what, **_plain(note)}) + "\n"
                )
                sys.stdout.flush()  # a reader waits for each line
            else:
                self._screen.print(_line(note), soft_wrap=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _plain(note: IngestOutcome) -> dict[str, str]:
    return {name: value for name, value in asdict(note).items() if name in _SHOWN and value}


def _line(note: IngestOutcome) -> Text:
    from eddyline.core.formatting import printable

    about = printable(note.address or note.message)
    asset = f"  asset {note.asset}" if note.asset else ""
    reason = f"  {printable(note.reason)}" if note.reason else ""
    return Text.assemble((f"{note.what:<10}", _WORDS[note.what]), about, asset, (reason, "dim"))
