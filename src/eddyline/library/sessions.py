"""Browser sessions: each belongs to a token, and ends with it, when it expires, or by signing out."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import Connection, and_, delete, insert, select

from eddyline.graph.db.library_schema import sessions, tokens
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.random_secrets import SecretKind, same
from eddyline.library.tokens import COLUMNS, Token, Tokens

SESSION_SECRET = SecretKind("eds_", 32)
LIFETIME_S = 7 * 86_400.0
"""Seconds after which a session expires, used or not."""
MAX_OF_TOKEN = 50
"""Sessions of one token; the oldest ends when another is opened."""


@dataclass(frozen=True, kw_only=True)
class NewSession:
    """A session that was just opened: the secret for its cookie, and when it expires (s since 1970)."""

    secret: str
    expires: float


class Sessions:
    """The sessions of a ledger. Safe from any thread and any number of processes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def open(self, token: Token) -> NewSession:
        """Open a session of a valid token; expired sessions of all tokens are deleted."""
        now = self._ledger.now()
        expires = now + LIFETIME_S if token.expires is None else min(now + LIFETIME_S, token.expires)
        secret = SESSION_SECRET.generate()
        row = {
            "digest": SESSION_SECRET.digest(secret),
            "token": token.id,
            "created": now,
            "expires": expires,
        }
        kept = (
            select(sessions.c.digest)
            .where(sessions.c.token == token.id)
            .order_by(sessions.c.created.desc(), sessions.c.digest)
            .limit(MAX_OF_TOKEN - 1)
        )

        def work(connection: Connection) -> None:
            connection.execute(delete(sessions).where(sessions.c.expires <= now))
            newest = list(connection.execute(kept).scalars())
            old = and_(sessions.c.token == token.id, sessions.c.digest.not_in(newest))
            connection.execute(delete(sessions).where(old))
            connection.execute(insert(sessions).values(row))

        self._ledger.write(work)
        return NewSession(secret=secret, expires=expires)

    def authenticate(self, secret: str) -> Token | None:
        """The token of the session with this secret, if both are valid."""
        digest = SESSION_SECRET.digest(secret)
        if digest is None:
            return None
        query = (
            select(*COLUMNS, sessions.c.digest, sessions.c.expires.label("session_expires"))
            .join(tokens, tokens.c.id == sessions.c.token)
            .where(sessions.c.digest == digest)
        )
        row = self._ledger.read(lambda c: c.execute(query).mappings().first())
        if row is None or not same(row["digest"], digest):
            return None
        token = Token(**{field.name: row[field.name] for field in fields(Token)})
        now = self._ledger.now()
        if row["session_expires"] <= now or not token.is_valid(now):
            return None
        Tokens(self._ledger).touch(token, now)
        return token

    def close(self, secret: str) -> None:
        """End the session with this secret, if it exists."""
        digest = SESSION_SECRET.digest(secret)
        if digest is not None:
            self._ledger.write(lambda c: c.execute(delete(sessions).where(sessions.c.digest == digest)))
