from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.app.tokens import open_token_ledger
from eddyline.core.errors import UsageError
from eddyline.library.tokens import Tokens


def test_a_new_directory_gets_a_ledger(tmp_path: Path) -> None:
    with open_token_ledger(tmp_path / "new", "") as ledger:
        Tokens(ledger).create(owner="", scope="admin")
    with open_token_ledger(tmp_path / "new", "") as ledger:
        assert Tokens(ledger).exist()


def test_the_ledger_of_a_fleet_is_used_if_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDDYLINE_LEDGER", str(tmp_path / "fleet.sqlite"))
    with open_token_ledger(None, "") as ledger:
        Tokens(ledger).create(owner="", scope="admin")
    assert (tmp_path / "fleet.sqlite").is_file()


def test_a_directory_and_a_ledger_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mutually exclusive"):
        open_token_ledger(tmp_path, "ledger.sqlite")
