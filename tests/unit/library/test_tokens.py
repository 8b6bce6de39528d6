from __future__ import annotations

import pytest
from sqlalchemy import select

from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.graph.db.library_schema import tokens as table
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library import tokens as module
from eddyline.library.tokens import Tokens


def test_a_token_authenticates_until_it_expires(ledger: Ledger, clock: ManualClock) -> None:
    tokens = Tokens(ledger)
    created = tokens.create(owner="ann", scope="write", name="laptop", expires=clock.now() + 60)
    found = tokens.authenticate(created.secret)
    assert found is not None
    assert (found.id, found.owner, found.scope, found.name) == (created.token.id, "ann", "write", "laptop")
    clock.advance(60)
    assert tokens.authenticate(created.secret) is None


def test_a_token_authenticates_until_it_is_revoked(ledger: Ledger) -> None:
    tokens = Tokens(ledger)
    kept, revoked = (tokens.create(owner="ann", scope="read") for _ in range(2))
    assert tokens.revoke(revoked.token.id)
    assert not tokens.revoke(revoked.token.id)
    assert not tokens.revoke("absent")
    assert tokens.authenticate(revoked.secret) is None
    assert tokens.authenticate(kept.secret) is not None


def test_the_ledger_keeps_no_secret(ledger: Ledger) -> None:
    secret = Tokens(ledger).create(owner="ann", scope="admin").secret
    rows = ledger.read(lambda c: c.execute(select(table)).all())
    assert secret.removeprefix("edl_") not in repr(rows)


@pytest.mark.parametrize("secret", ["", "edl_", "edl_" + "a" * 43, "\x00", "' or 1=1 --"])
def test_an_unknown_secret_is_refused(ledger: Ledger, secret: str) -> None:
    Tokens(ledger).create(owner="ann", scope="admin")
    assert Tokens(ledger).authenticate(secret) is None


def test_the_last_use_is_written_at_most_every_five_minutes(ledger: Ledger, clock: ManualClock) -> None:
    tokens = Tokens(ledger)
    created = tokens.create(owner="ann", scope="read")
    first = clock.now()
    tokens.authenticate(created.secret)
    clock.advance(299)
    tokens.authenticate(created.secret)
    (after_299_s,) = tokens.list()
    clock.advance(1)
    tokens.authenticate(created.secret)
    (after_300_s,) = tokens.list()
    assert (after_299_s.last_used, after_300_s.last_used) == (first, first + 300)


def test_tokens_are_listed_by_owner(ledger: Ledger, clock: ManualClock) -> None:
    tokens = Tokens(ledger)
    for owner in ("ann", "bob", "ann"):
        tokens.create(owner=owner, scope="read")
        clock.advance(1)
    assert [token.owner for token in tokens.list()] == ["ann", "bob", "ann"]
    assert len(tokens.list("ann")) == 2
    assert tokens.list("") == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scope": "root"}, "unknown scope"),
        ({"owner": "a\nb"}, "the owner is invalid"),
        ({"owner": "a" * 101}, "the owner is invalid"),
        ({"name": "\x1b[2J"}, "the name of the token is invalid"),
        ({"expires": 1.0}, "expired already"),
    ],
)
def test_invalid_values_are_refused(ledger: Ledger, values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Tokens(ledger).create(**{"owner": "", "scope": "read", **values})  # type: ignore[arg-type]
    assert not Tokens(ledger).exist()


def test_an_owner_has_a_limited_number_of_valid_tokens(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OF_OWNER", 2)
    tokens = Tokens(ledger)
    first = tokens.create(owner="ann", scope="read")
    tokens.create(owner="ann", scope="read")
    with pytest.raises(UsageError, match="has 2 valid tokens"):
        tokens.create(owner="ann", scope="read")
    tokens.create(owner="bob", scope="read")
    tokens.revoke(first.token.id)
    tokens.create(owner="ann", scope="read")


def test_revoked_tokens_exist_but_are_not_valid(ledger: Ledger) -> None:
    tokens = Tokens(ledger)
    assert (tokens.exist(), tokens.some_valid()) == (False, False)
    created = tokens.create(owner="ann", scope="read")
    assert (tokens.exist(), tokens.some_valid()) == (True, True)
    tokens.revoke(created.token.id)
    assert (tokens.exist(), tokens.some_valid()) == (True, False)
    assert tokens.get(created.token.id) is not None
