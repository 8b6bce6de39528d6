"""`eddyline fleet plan` shows the machines of each pool."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from eddyline.cli.fleet import commands
from eddyline.cli.fleet.group import commands as group
from eddyline.cli.fleet.plan import plan
from eddyline.cli.main import build
from eddyline.fleet.pools import load_pools


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(build(["fleet"]), ["fleet", "plan", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_every_pool_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert commands is group
    assert plan.__doc__
    lines = _run().splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(load_pools().pools)
    assert "0-3,200" in lines[2]


def test_the_json_has_every_pool() -> None:
    assert list(json.loads(_run("--json"))["pools"]) == list(load_pools().pools)
