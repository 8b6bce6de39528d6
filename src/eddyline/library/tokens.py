"""API tokens: their creation, lookup, listing and revocation."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from eddyline.core.errors import UsageError
from eddyline.graph.db.library_schema import sessions, tokens
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.random_secrets import SecretKind, same

SCOPES = ("read", "write", "admin")
"""What a token may do; each scope includes the ones before it."""

TOKEN_SECRET = SecretKind("edl_", 32)
MAX_NAME = 100
"""Characters of the name of a token or of an owner."""
MAX_OF_OWNER = 100
"""Valid tokens of one owner."""

_TOUCH_S = 300.0  # `last_used` is written at most this often
_ID_BYTES = 6


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token without its secret. Times are in seconds since 1970; `expires` None: it does not expire."""

    id: str
    owner: str
    name: str
    scope: str
    created: float
    expires: float | None
    revoked: float | None
    last_used: float | None

    def is_valid(self, now: float) -> bool:
        """Whether it is neither expired nor revoked."""
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A token that was just created, with its secret, which cannot be read again."""

    token: Token
    secret: str


COLUMNS = tuple(tokens.c[field.name] for field in fields(Token))
"""The columns of a `Token`, for queries that join other tables."""


class Tokens:
    """The tokens of a ledger. Safe from any thread and any number of processes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def create(self, *, owner: str, scope: str, name: str = "", expires: float | None = None) -> NewToken:
        """Create a token. Raises `UsageError` for an invalid value, or if the owner has too many tokens."""
        now = self._ledger.now()
        _check(owner=owner, scope=scope, name=name, expires=expires, now=now)
        secret = TOKEN_SECRET.generate()
        token = Token(
            id=secrets.token_hex(_ID_BYTES),
            owner=owner,
            name=name,
            scope=scope,
            created=now,
            expires=expires,
            revoked=None,
            last_used=None,
        )
        row = {**vars(token), "digest": TOKEN_SECRET.digest(secret)}

        def work(connection: Connection) -> None:
            count = select(func.count()).where(tokens.c.owner == owner, is_valid(now))
            if connection.execute(count).scalar_one() >= MAX_OF_OWNER:
                raise UsageError(
                    f"the owner {owner!r} has {MAX_OF_OWNER} valid tokens", remedy="revoke one of them first"
                )
            connection.execute(insert(tokens).values(row))

        self._ledger.write(work)
        return NewToken(token=token, secret=secret)

    def authenticate(self, secret: str) -> Token | None:
        """The valid token with this secret, or None. Records when it was used, to within minutes."""
        digest = TOKEN_SECRET.digest(secret)
        if digest is None:
            return None
        query = select(*COLUMNS, tokens.c.digest).where(tokens.c.digest == digest)
        row = self._ledger.read(lambda c: c.execute(query).mappings().first())
        if row is None or not same(row["digest"], digest):
            return None
        token = Token(**{field.name: row[field.name] for field in fields(Token)})
        now = self._ledger.now()
        if not token.is_valid(now):
            return None
        self.touch(token, now)
        return token

    def touch(self, token: Token, now: float) -> None:
        """Record that a token was used, unless that was recorded a short time ago."""
        if token.last_used is not None and now - token.last_used < _TOUCH_S:
            return
        unrecorded = or_(tokens.c.last_used.is_(None), tokens.c.last_used <= now - _TOUCH_S)
        change = update(tokens).where(tokens.c.id == token.id, unrecorded).values(last_used=now)
        self._ledger.write(lambda c: c.execute(change))

    def list(self, owner: str | None = None) -> list[Token]:
        """All tokens (of one owner), the newest first; revoked and expired ones too."""
        query = select(*COLUMNS).order_by(tokens.c.created.desc(), tokens.c.id)
        if owner is not None:
            query = query.where(tokens.c.owner == owner)
        return [Token(**row) for row in self._ledger.read(lambda c: c.execute(query).mappings().all())]

    def get(self, token: str) -> Token | None:
        """The token with this id."""
        query = select(*COLUMNS).where(tokens.c.id == token)
        row = self._ledger.read(lambda c: c.execute(query).mappings().first())
        return None if row is None else Token(**row)

    def valid(self, ids: frozenset[str]) -> frozenset[str]:
        """Those of the ids whose tokens are valid."""
        query = select(tokens.c.id).where(tokens.c.id.in_(ids), is_valid(self._ledger.now()))
        return frozenset(self._ledger.read(lambda c: c.execute(query).scalars().all()))

    def revoke(self, token: str) -> bool:
        """Revoke the token with this id and end its sessions; False if it is unknown or revoked already."""
        now = self._ledger.now()
        change = update(tokens).where(tokens.c.id == token, tokens.c.revoked.is_(None)).values(revoked=now)

        def work(connection: Connection) -> bool:
            connection.execute(delete(sessions).where(sessions.c.token == token))
            return connection.execute(change).rowcount > 0

        return self._ledger.write(work)

    def exist(self) -> bool:
        """Whether any token was ever created, valid or not."""
        query = select(tokens.c.id).limit(1)
        return self._ledger.read(lambda c: c.execute(query).first()) is not None

    def some_valid(self) -> bool:
        """Whether a client could authenticate by a token now."""
        query = select(tokens.c.id).where(is_valid(self._ledger.now())).limit(1)
        return self._ledger.read(lambda c: c.execute(query).first()) is not None


def is_valid(now: float) -> ColumnElement[bool]:
    """The condition that a row of the table of tokens is valid."""
    return and_(tokens.c.revoked.is_(None), or_(tokens.c.expires.is_(None), tokens.c.expires > now))


def _check(*, owner: str, scope: str, name: str, expires: float | None, now: float) -> None:
    if scope not in SCOPES:
        raise UsageError(f"unknown scope {scope!r}", remedy=f"choose one of {', '.join(SCOPES)}")
    for what, text in (("owner", owner), ("name of the token", name)):
        if len(text) > MAX_NAME or (text and not text.isprintable()):
            raise UsageError(f"the {what} is invalid", remedy=f"use at most {MAX_NAME} printable characters")
    if expires is not None and expires <= now:
        raise UsageError("the token would be expired already", remedy="choose a time in the future")
