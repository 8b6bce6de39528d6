from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.tokens import Tokens
from eddyline.web.auth.local_mode import is_loopback, starts_local

EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 - no socket is opened


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("[::1]", True), ("localhost", True),
        (EVERY_INTERFACE, False), ("::", False), ("192.168.1.2", False),
        ("media.example.com", False), ("", False),
    ],
)  # fmt: skip
def test_only_loopback_addresses_are_local(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_server_on_loopback_is_local_until_a_token_was_created(ledger: Ledger) -> None:
    assert starts_local(ledger, "127.0.0.1")
    created = Tokens(ledger).create(owner="", scope="read")
    assert not starts_local(ledger, "127.0.0.1")
    Tokens(ledger).revoke(created.token.id)
    assert not starts_local(ledger, "127.0.0.1")


def test_a_server_that_others_reach_requires_a_valid_token(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="no valid token exists"):
        starts_local(ledger, EVERY_INTERFACE)
    created = Tokens(ledger).create(owner="", scope="admin")
    assert not starts_local(ledger, EVERY_INTERFACE)
    Tokens(ledger).revoke(created.token.id)
    with pytest.raises(UsageError, match="no valid token exists"):
        starts_local(ledger, EVERY_INTERFACE)


def test_with_openid_connect_no_token_is_required(ledger: Ledger) -> None:
    assert not starts_local(ledger, EVERY_INTERFACE, oidc=True)
    assert not starts_local(ledger, "127.0.0.1", oidc=True)
