"""`eddyline health` exits with 0 or 1 by the health file of a process."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eddyline.cli.main import build
from eddyline.core.errors import UsageError


def call(*arguments: str, file: Path | None) -> tuple[int, str, BaseException | None]:
    environment = {"EDDYLINE_HEALTH": str(file) if file else ""}
    result = CliRunner().invoke(build(["health"]), ["health", *arguments], env=environment)
    return result.exit_code, result.output.strip(), result.exception


def test_a_process_that_runs_is_healthy(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    path.write_text(json.dumps({"worker": time.time()}))
    assert call(file=path)[:2] == (0, "healthy")
    assert call("--file", str(path), file=None)[:2] == (0, "healthy")


def test_a_loop_that_stopped_is_named(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    path.write_text(json.dumps({"worker": time.time() - 100}))
    assert call(file=path)[0] == 0
    code, output, _ = call("--within", "60", file=path)
    assert code == 1
    assert output == "the loop worker last ran 100 s ago"


def test_a_process_that_did_not_start_is_not_healthy(tmp_path: Path) -> None:
    assert call(file=tmp_path / "health.json")[0] == 1


def test_the_file_must_be_named() -> None:
    error = call(file=None)[2]
    assert isinstance(error, UsageError)
    with pytest.raises(UsageError, match="no health file"):
        raise error
