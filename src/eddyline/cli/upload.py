"""`eddyline upload`: uploads recordings to a server, and continues what was interrupted."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli import options
from eddyline.cli.signals import Interruption
from eddyline.cli.terminal import console
from eddyline.core.errors import UsageError
from eddyline.core.formatting import format_count, format_size, printable
from eddyline.core.stop import Stop

if TYPE_CHECKING:
    from rich.console import Console

    from eddyline.app.upload import UploadEvent, UploadReport

ALL_DONE, SOME_FAILED = 0, 1
_LINE_EVERY_S = 5.0
_JSON_EVERY_S = 0.5
_MAX_TOKEN = 1000

Server = Annotated[
    str, typer.Option("--server", metavar="URL", help="The address of eddyline serve.", show_default=False)
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", help="A file with the token. [EDDYLINE_TOKEN]", show_default=False
    ),
]


def upload(
    sources: options.Sources,
    server: Server,
    token_file: TokenFile = None,
    profile: Annotated[
        str, typer.Option("--profile", "-p", metavar="NAME", help="A profile of the server.")
    ] = "default",
    no_merge: options.NoMerge = False,
    as_json: options.JsonLines = False,
) -> None:
    """Upload recordings to a server. Can be stopped at any time; the next call continues."""
    from eddyline import config
    from eddyline.app.upload import UploadRequest, upload_sources

    settings = config.read()
    request = UploadRequest(
        sources=tuple(sources),
        server=server,
        token=read_token(token_file) or settings.token or "",
        profile=profile,
        merge=not no_merge,
        allow_http=settings.allow_http,
    )
    stop = Stop()
    output = JsonLines() if as_json else Lines(console())
    with Interruption(stop) as interruption:
        report = upload_sources(request, stop=stop, on_event=output.show)
    output.finish(report)
    if interruption.exit_code is not None:
        raise typer.Exit(interruption.exit_code)
    raise typer.Exit(SOME_FAILED if report.failed or report.interrupted else ALL_DONE)


def read_token(file: Path | None) -> str:
    """The token of a file; "" without a file. Raises `UsageError`."""
    if file is None:
        return ""
    try:
        text = file.read_text("utf-8")[:_MAX_TOKEN].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the token file {file} cannot be read", remedy="write the token into it, on one line"
        ) from error
    if not text or not text.isascii() or not text.isprintable():
        raise UsageError(f"{file} contains no token", remedy="write the token into it, on one line")
    return text


class JsonLines:
    """Events as JSON lines; the progress of a recording at most every half second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def show(self, event: UploadEvent) -> None:
        """Print an event."""
        kind = type(event).__name__.removeprefix("Upload").lower()
        with self._lock:
            if kind == "progress":
                name, now = str(getattr(event, "name", "")), self._clock()
                if now - self._last.get(name, -_JSON_EVERY_S) < _JSON_EVERY_S:
                    return
                self._last[name] = now
            self._print({"event": kind, **asdict(event)})

    def finish(self, report: UploadReport) -> None:
        """Print the report as the last line."""
        counts = {name: len(getattr(report, name)) for name in ("done", "failed", "skipped")}
        self._print({"event": "finished", **counts, "interrupted": report.interrupted})

    @staticmethod
    def _print(values: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()


class Lines:
    """A line for each outcome, and one every few seconds with the progress of all recordings."""

    def __init__(self, screen: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._active: dict[str, tuple[int, int]] = {}
        self._printed_at = clock()
        self._lock = threading.Lock()

    def show(self, event: UploadEvent) -> None:
        """Print an event, or note the progress."""
        from eddyline.app.upload import UploadDone, UploadProgress, UploadSkipped

        with self._lock:
            if isinstance(event, UploadProgress):
                self._active[event.name] = event.sent, event.size
                self._print_progress()
            elif isinstance(event, UploadSkipped):
                self._screen.print(f"- {printable(event.path)}  skipped: {event.reason}", soft_wrap=True)
            elif isinstance(event, UploadDone):
                self._active.pop(event.name, None)
                how = "already in the library" if event.reused else format_size(event.size)
                if event.resumed:
                    how += f", {format_size(event.resumed)} of them earlier"
                self._screen.print(f"✓ {printable(event.name)}  {event.asset}  {how}", soft_wrap=True)
            else:
                self._active.pop(event.name, None)
                remedy = f" ({event.remedy})" if event.remedy else ""
                self._screen.print(
                    f"✗ {printable(event.name)}  failed: {printable(event.reason + remedy)}", soft_wrap=True
                )

    def finish(self, report: UploadReport) -> None:
        """Print the counts."""
        line = f"{format_count(len(report.done), 'recording')} uploaded"
        if report.failed:
            line += f", {len(report.failed)} failed"
        if report.interrupted:
            line += f"; stopped: {report.interrupted}; the same command continues"
        self._screen.print(line)

    def _print_progress(self) -> None:
        now = self._clock()
        if now - self._printed_at < _LINE_EVERY_S:
            return
        self._printed_at = now
        parts = (
            f"{printable(name)} {100 * sent // max(size, 1)}% of {format_size(size)}"
            for name, (sent, size) in self._active.items()
        )
        self._screen.print("uploading: " + ", ".join(parts), soft_wrap=True)
