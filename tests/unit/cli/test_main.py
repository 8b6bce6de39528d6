"""The entry point: version, help, errors and exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from eddyline.cli.main import _HIDDEN, COMMANDS, build, report_error
from eddyline.core.errors import InputError, UsageError


def test_the_version_is_printed_without_importing_the_pipeline() -> None:
    code = (
        "import sys; sys.argv = ['eddyline', '--version']\n"
        "from eddyline.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'numpy', 'sqlalchemy', 'pydantic', 'rich.live', 'eddyline.app'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, loaded = done.stdout.splitlines()
    assert version.startswith("eddyline 0.")
    assert loaded == "[]"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in _HIDDEN])
def test_help_names_every_command(name: str) -> None:
    result = CliRunner().invoke(build(["--help"]), ["--help"])
    assert result.exit_code == 0
    assert f" {name} " in result.output
    assert "demo-clip" not in result.output


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
