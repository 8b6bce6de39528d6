"""The entry point of the command line: commands by name, and exit codes of errors."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from eddyline.cli.signals import exit_immediately
from eddyline.core.errors import EddylineError, UsageError
from eddyline.core.log_fields import FieldsFormatter

FAILED, USAGE, INTERRUPTED = 1, 2, 130
_SIGNAL_BASE = 128  # higher exit codes: the run was stopped by a signal
# Name on the command line -> module of cli/ and the function in it. Only the module of the requested command
# is imported, so that `eddyline --version` does not import what `eddyline run` needs.
COMMANDS = {
    "run": ("run", "run"),
    "probe": ("probe", "probe"),
    "doctor": ("doctor", "doctor"),
    "health": ("health", "health"),
    "catalogue": ("catalogue", "commands"),
    "cost": ("cost", "cost"),
    "jobs": ("jobs", "commands"),
    "status": ("status", "status"),
    "submit": ("submit", "submit"),
    "watch": ("watch", "watch"),
    "ingest": ("ingest", "ingest"),
    "parked": ("parked", "parked"),
    "worker": ("worker", "worker"),
    "coordinator": ("coordinator", "coordinator"),
    "serve": ("serve", "serve"),
    "upload": ("upload", "upload"),
    "local-worker": ("local_worker", "local_worker"),
    "token": ("token", "commands"),
    "fleet": ("fleet", "commands"),
    "simulate": ("simulate", "commands"),
    "profiles": ("profiles", "commands"),
    "telemetry": ("telemetry", "telemetry"),
    "merge": ("merge", "merge"),
    "trim": ("trim", "trim"),
    "combine": ("combine", "combine"),
    "strip-location": ("strip_location", "strip_location"),
    "demo-clip": ("demo", "demo_clip"),
}
_HIDDEN = frozenset({"demo-clip", "local-worker"})


def build(arguments: Sequence[str]) -> typer.Typer:
    """Build the command line: only the command that `arguments` name, or all commands for help."""
    app = typer.Typer(
        name="eddyline",
        help="Transcode camera recordings into verified, playable assets.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    names = [name] if name in COMMANDS else [] if "--version" in arguments else list(COMMANDS)
    for name in names:
        module, attribute = COMMANDS[name]
        command = getattr(import_module(f"eddyline.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name, hidden=name in _HIDDEN)(command)
    return app


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback
    if wanted:
        from importlib.metadata import version

        typer.echo(f"eddyline {version('eddyline')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line. Exit 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM."""
    if logging.lastResort is not None:  # commands without a log of their own print warnings by it
        logging.lastResort.setFormatter(FieldsFormatter())
    # A script that starts this process in the background ignores SIGINT; honour `kill -INT` all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        build(sys.argv[1:])()
    except SystemExit as end:
        if isinstance(end.code, int) and end.code > _SIGNAL_BASE:
            exit_immediately(end.code)
        raise
    except EddylineError as error:
        sys.exit(report_error(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of the output has exited (`| head`); the interpreter must not flush to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def report_error(error: EddylineError) -> int:
    """Print an error and its remedy to standard error; returns the exit code."""
    from eddyline.core.formatting import printable

    sys.stderr.write(f"eddyline: {printable(error.message)}\n")
    if error.remedy:
        sys.stderr.write(f"what to do: {printable(error.remedy)}\n")
    return USAGE if isinstance(error, UsageError) else FAILED
