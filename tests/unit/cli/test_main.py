"""The entry point: version, help, errors and exit codes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from eddyline.cli.command_table import COMMANDS
from eddyline.cli.main import build, build_help, report_error
from eddyline.core.errors import InputError, UsageError


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_the_summary_of_every_command_that_is_not_hidden(name: str) -> None:
    # A wide terminal: summaries are not wrapped.
    result = CliRunner().invoke(build_help(), ["--help"], env={"COLUMNS": "400"})
    assert result.exit_code == 0
    shown = re.search(rf"│ {name} +(.*?) *│", result.output)
    assert (shown and shown[1]) == (None if COMMANDS[name].hidden else COMMANDS[name].summary)


def test_the_summary_of_every_command_is_the_first_paragraph_of_its_help() -> None:
    root: Any = typer.main.get_command(build([]))
    helps = {name: (command.help.split("\n\n")[0], command.hidden) for name, command in root.commands.items()}
    assert helps == {name: (command.summary, command.hidden) for name, command in COMMANDS.items()}


def test_an_unknown_command_exits_with_2() -> None:
    result = CliRunner().invoke(build_help(), ["prob"])
    assert result.exit_code == 2
    assert "probe" in result.output, "the nearest name is suggested"


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["run", "x", "--slots", "0"], ["nonsense"], ["run", "--nonsense", "x"], ["jobs", "show"]],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(build(arguments), arguments).exit_code == 2


def test_an_error_is_printed_in_two_lines_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_error(InputError("no video in \x1b[2J.mp4", remedy="copy it again")) == 1
    assert capsys.readouterr().err == "eddyline: no video in \\x1b[2J.mp4\nwhat to do: copy it again\n"


def test_a_usage_error_exits_with_2() -> None:
    assert report_error(UsageError("unknown profile 'x'")) == 2
