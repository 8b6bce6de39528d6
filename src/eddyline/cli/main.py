"""The command line's door: commands by name, and what an error means for the exit code."""

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

FAILED, USAGE, BY_CTRL_C = 1, 2, 130
_BY_SIGNAL = 128  # exit codes above it: a run that was told to stop
# Name on the command line -> module of cli/ and what in it is called. Only the module that is wanted is
# imported: `eddyline --version` must not wait for what `eddyline run` needs.
COMMANDS = {
    "run": ("run", "run"),
    "probe": ("probe", "probe"),
    "doctor": ("doctor", "doctor"),
    "jobs": ("jobs", "commands"),
    "status": ("status", "status"),
    "submit": ("submit", "submit"),
    "watch": ("watch", "watch"),
    "ingest": ("ingest", "ingest"),
    "parked": ("parked", "parked"),
    "worker": ("worker", "worker"),
    "coordinator": ("coordinator", "coordinator"),
    "profiles": ("profiles", "commands"),
    "telemetry": ("telemetry", "telemetry"),
    "merge": ("merge", "merge"),
    "trim": ("trim", "trim"),
    "combine": ("combine", "combine"),
    "strip-location": ("strip_location", "strip_location"),
    "demo-clip": ("demo", "demo_clip"),
}
_HIDDEN = frozenset({"demo-clip"})


def build(arguments: Sequence[str]) -> typer.Typer:
    """The command line that `arguments` need: the one command that they name, or all of them for help."""
    whole = typer.Typer(
        name="eddyline",
        help="Footage in, a playable and proven asset out.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    whole.callback()(_options)
    named = next((argument for argument in arguments if not argument.startswith("-")), "")
    wanted = [named] if named in COMMANDS else [] if "--version" in arguments else list(COMMANDS)
    for name in wanted:
        module, attribute = COMMANDS[name]
        command = getattr(import_module(f"eddyline.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            whole.add_typer(command, name=name)
        else:
            whole.command(name, hidden=name in _HIDDEN)(command)
    return whole


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
    # A script that puts us in the background has Ctrl-C ignored; who sends it with `kill -INT` means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        build(sys.argv[1:])()
    except SystemExit as end:
        if isinstance(end.code, int) and end.code > _BY_SIGNAL:
            exit_immediately(end.code)
        raise
    except EddylineError as error:
        sys.exit(report_error(error))
    except KeyboardInterrupt:
        sys.exit(BY_CTRL_C)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); the interpreter must not try to flush to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def report_error(error: EddylineError) -> int:
    """Say on standard error what is wrong and what to do; returns the exit code."""
    from eddyline.core.formatting import printable

    sys.stderr.write(f"eddyline: {printable(error.message)}\n")
    if error.remedy:
        sys.stderr.write(f"what to do: {printable(error.remedy)}\n")
    return USAGE if isinstance(error, UsageError) else FAILED
