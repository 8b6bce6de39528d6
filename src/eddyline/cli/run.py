"""`eddyline run`: transcodes sources into verified, playable assets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from eddyline.cli import options
from eddyline.cli.json_output import JsonOutput
from eddyline.cli.plain_output import PlainOutput
from eddyline.cli.progress import Display, on_terminal
from eddyline.cli.run_summary import print_report
from eddyline.cli.signals import Interruption
from eddyline.cli.terminal import console
from eddyline.core.errors import Interrupted
from eddyline.core.stop import Stop
from eddyline.pipeline.runs.events import Event, RunReport

Start = Callable[[Stop, Callable[[Event], None]], RunReport]

DEFAULT_OUT = Path("out")
ALL_DONE, SOME_FAILED = 0, 1


def run(
    sources: options.Sources,
    out: options.Out = DEFAULT_OUT,
    profile: options.Profile = "default",
    slots: options.Slots = None,
    no_merge: options.NoMerge = False,
    as_json: options.JsonLines = False,
    store: options.ResultStore = "",
    reframe: Annotated[
        str,
        typer.Option(
            "--reframe",
            metavar="VIEW",
            help="A flat view of spherical video in degrees: yaw=30,pitch=-10,roll=0,fov=100,aspect=16:9.",
            show_default=False,
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan without executing it.")] = False,
) -> None:
    """Transcode recordings into verified, playable assets. Can be stopped at any time and resumed."""
    from eddyline import app

    request = app.RunRequest(
        sources=tuple(sources),
        out=out,
        profile=profile,
        slots=slots,
        merge=not no_merge,
        store=store,
        own_process=True,
        reframe=reframe,
    )
    if dry_run:
        from eddyline.cli.dry_run import show_plan

        raise typer.Exit(show_plan(app.dry_run(request), as_json=as_json))
    raise typer.Exit(
        run_with_display(
            lambda stop, on_event: app.run(request, stop=stop, on_event=on_event), as_json=as_json, out=out
        )
    )


def run_with_display(start: Start, *, as_json: bool, out: Path = DEFAULT_OUT) -> int:
    """Run with a display of progress and a report; returns the exit code (0, 1, or 128 + the signal)."""
    screen = console()
    stop = Stop()
    with Interruption(stop) as interruption:
        display: Display = JsonOutput(sys.stdout) if as_json else _text_display(screen)
        try:
            report = start(stop, _unless_closed(display.show, stop))
        except Interrupted as error:
            report = RunReport(finished=(), failed=(), skipped=(), interrupted=error.message)
        finally:
            display.close()
        if isinstance(display, JsonOutput):
            display.finish(report)
        else:
            print_report(report, screen, None if out == DEFAULT_OUT else out)
    return _exit_code(report, interruption.exit_code)


def _text_display(screen: Console) -> Display:
    """Progress bars on a terminal, else lines."""
    if not on_terminal(screen):
        return PlainOutput(screen)
    from eddyline.cli.live_view import LiveView

    return LiveView(screen)


def _exit_code(report: RunReport, by_signal: int | None) -> int:
    if report.interrupted:
        return by_signal or SOME_FAILED
    return SOME_FAILED if report.failed else ALL_DONE


def _unless_closed(show: Callable[[Event], None], stop: Stop) -> Callable[[Event], None]:
    """Request a stop when the reader of the output has exited (`| head`)."""

    def on_event(event: Event) -> None:
        try:
            show(event)
        except BrokenPipeError:
            stop.request("the output was closed")

    return on_event
