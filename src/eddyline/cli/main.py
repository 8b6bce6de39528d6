"""The entry point of the command line: commands by name, and exit codes of errors."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from eddyline.cli.command_table import COMMANDS
from eddyline.cli.process_exit import exit_quickly
from eddyline.core.errors import EddylineError, UsageError
from eddyline.core.log_fields import FieldsFormatter

FAILED, USAGE, INTERRUPTED = 1, 2, 130
_GC_OBJECTS = 50_000  # new objects between two searches for garbage; 700 by default in Python 3.11
_COMPLETION = "_EDDYLINE_COMPLETE"  # set by Typer's completion scripts


def build(arguments: Sequence[str]) -> typer.Typer:
    """Build the command line: only the command that `arguments` name, or else all commands, imported."""
    app = _new_app()
    for name in _named(arguments) or COMMANDS:
        command = COMMANDS[name].load()
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name, hidden=COMMANDS[name].hidden)(command)
    return app


def build_help() -> typer.Typer:
    """Build a command line that lists all commands and runs none; it imports none of them."""
    app = _new_app()
    for name, command in COMMANDS.items():
        app.command(name, hidden=command.hidden, help=command.summary)(_run_nothing)
    return app


def _new_app() -> typer.Typer:
    app = typer.Typer(
        name="eddyline",
        help="Transcode camera recordings into verified, playable assets.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    return app


def _named(arguments: Sequence[str]) -> list[str]:
    """The command that `arguments` name, if there is one of that name."""
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    return [name] if name in COMMANDS else []


def _run_nothing() -> None:
    pass


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
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM."""
    exit_quickly(run_command())


def run_command() -> int:
    """Run the command line; returns the exit code."""
    # Modules and classes are most of the objects that start-up creates, and they stay: with the defaults of
    # Python 3.11, searching them for garbage takes a tenth of the CPU time of a short command.
    gc.set_threshold(_GC_OBJECTS, *gc.get_threshold()[1:])
    if logging.lastResort is not None:  # commands without a log of their own print warnings by it
        logging.lastResort.setFormatter(FieldsFormatter())
    # A script that starts this process in the background ignores SIGINT; honour `kill -INT` all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # A shell that completes a command line passes it in the environment, not in the arguments.
        is_help = not _named(sys.argv[1:]) and _COMPLETION not in os.environ
        (build_help() if is_help else build(sys.argv[1:]))()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else FAILED if end.code else 0
    except EddylineError as error:
        return report_error(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has exited (`| head`); the interpreter must not flush to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return 0


def report_error(error: EddylineError) -> int:
    """Print an error and its remedy to standard error; returns the exit code."""
    from eddyline.core.formatting import printable

    sys.stderr.write(f"eddyline: {printable(error.message)}\n")
    if error.remedy:
        sys.stderr.write(f"what to do: {printable(error.remedy)}\n")
    return USAGE if isinstance(error, UsageError) else FAILED
