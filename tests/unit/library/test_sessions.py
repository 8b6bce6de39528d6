from __future__ import annotations

import pytest
from sqlalchemy import func, select

from eddyline.core.clock import ManualClock
from eddyline.graph.db.library_schema import sessions as table
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library import sessions as module
from eddyline.library.sessions import LIFETIME_S, Sessions
from eddyline.library.tokens import Token, Tokens


@pytest.fixture
def token(ledger: Ledger) -> Token:
    return Tokens(ledger).create(owner="ann", scope="write").token


def count(ledger: Ledger) -> int:
    return ledger.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_session_authenticates_as_its_token_until_it_expires(
    ledger: Ledger, clock: ManualClock, token: Token
) -> None:
    sessions = Sessions(ledger)
    opened = sessions.open(token)
    assert opened.expires == clock.now() + LIFETIME_S
    found = sessions.authenticate(opened.secret)
    assert found is not None
    assert (found.id, found.owner) == (token.id, "ann")
    clock.advance(LIFETIME_S)
    assert sessions.authenticate(opened.secret) is None


def test_a_session_ends_with_the_expiry_of_its_token(ledger: Ledger, clock: ManualClock) -> None:
    token = Tokens(ledger).create(owner="", scope="read", expires=clock.now() + 60).token
    opened = Sessions(ledger).open(token)
    assert opened.expires == clock.now() + 60
    clock.advance(60)
    assert Sessions(ledger).authenticate(opened.secret) is None


def test_a_session_ends_with_the_revocation_of_its_token(ledger: Ledger, token: Token) -> None:
    opened = Sessions(ledger).open(token)
    Tokens(ledger).revoke(token.id)
    assert Sessions(ledger).authenticate(opened.secret) is None
    assert count(ledger) == 0


def test_a_closed_session_does_not_authenticate(ledger: Ledger, token: Token) -> None:
    closed, kept = Sessions(ledger).open(token), Sessions(ledger).open(token)
    Sessions(ledger).close(closed.secret)
    Sessions(ledger).close("no secret")
    assert Sessions(ledger).authenticate(closed.secret) is None
    assert Sessions(ledger).authenticate(kept.secret) is not None


def test_expired_sessions_are_deleted_when_another_is_opened(
    ledger: Ledger, clock: ManualClock, token: Token
) -> None:
    for _ in range(3):
        Sessions(ledger).open(token)
    clock.advance(LIFETIME_S + 1)
    Sessions(ledger).open(token)
    assert count(ledger) == 1


def test_the_oldest_session_ends_when_there_are_too_many(
    ledger: Ledger, clock: ManualClock, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OF_TOKEN", 2)
    secrets = []
    for _ in range(3):
        secrets.append(Sessions(ledger).open(token).secret)
        clock.advance(1)
    found = [Sessions(ledger).authenticate(secret) is not None for secret in secrets]
    assert found == [False, True, True]


def test_the_ledger_keeps_no_secret(ledger: Ledger, token: Token) -> None:
    secret = Sessions(ledger).open(token).secret
    rows = ledger.read(lambda c: c.execute(select(table)).all())
    assert secret.removeprefix("eds_") not in repr(rows)


@pytest.mark.parametrize("secret", ["", "eds_", "eds_" + "a" * 43, "edl_" + "a" * 43])
def test_an_unknown_secret_is_refused(ledger: Ledger, token: Token, secret: str) -> None:
    Sessions(ledger).open(token)
    assert Sessions(ledger).authenticate(secret) is None
