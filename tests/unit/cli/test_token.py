"""Tokens are created, listed and revoked on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from eddyline.cli.main import build
from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.tokens import Tokens


def call(out: Path, *arguments: str) -> Result:
    argv = ["token", *arguments, "--out", str(out)]
    return CliRunner(env={"COLUMNS": "200"}).invoke(build(argv), argv)


def call_json(out: Path, *arguments: str) -> Any:
    result = call(out, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_secret_is_printed_once_and_authenticates(tmp_path: Path) -> None:
    result = call(tmp_path, "create", "--owner", "ann", "--scope", "admin")
    secret = result.stdout.strip()
    with Ledger.open(tmp_path / ".eddyline" / "ledger.sqlite") as ledger:
        token = Tokens(ledger).authenticate(secret)
    assert token is not None
    assert (token.owner, token.scope) == ("ann", "admin")
    assert secret not in call(tmp_path, "list").output
    assert token.id in call(tmp_path, "list").output


def test_a_token_is_revoked(tmp_path: Path) -> None:
    created = call_json(tmp_path, "create", "--name", "laptop", "--expires", "90d")
    assert created["expires"] - created["created"] == pytest.approx(90 * 86_400, abs=60)
    assert call_json(tmp_path, "revoke", created["id"]) == {"revoked": [created["id"]]}
    assert call_json(tmp_path, "revoke", created["id"]) == {"revoked": []}
    (listed,) = call_json(tmp_path, "list")
    assert listed["revoked"] is not None
    assert "secret" not in listed
    assert "revoked" in call(tmp_path, "list").output


def test_an_unknown_token_is_an_error(tmp_path: Path) -> None:
    result = call(tmp_path, "revoke", "absent")
    assert isinstance(result.exception, UsageError)
    assert "unknown token 'absent'" in str(result.exception)


def test_no_tokens_are_listed_in_a_new_directory(tmp_path: Path) -> None:
    assert "No tokens." in call(tmp_path, "list").output
    assert call_json(tmp_path, "list") == []
