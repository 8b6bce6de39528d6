"""Share links: each lets strangers play one asset, until it expires or is revoked."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update

from eddyline.core.errors import UsageError
from eddyline.graph.db.library_schema import assets, shares
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.random_secrets import SecretKind, same

SHARE_SECRET = SecretKind("", 16)
MAX_OF_ASSET = 100
"""Valid share links of one asset."""

_ID_BYTES = 6


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share link without its secret. Times are in seconds since 1970; `expires` None: it does not expire.

    `location`: it shows where the asset was recorded. `downloads`: strangers may save the renditions.
    """

    id: str
    asset: str
    owner: str
    created: float
    expires: float | None
    revoked: float | None
    location: bool
    downloads: bool

    def is_valid(self, now: float) -> bool:
        """Whether it is neither expired nor revoked."""
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, kw_only=True)
class NewShare:
    """A share link that was just created, with its secret, which cannot be read again."""

    share: Share
    secret: str


_COLUMNS = tuple(shares.c[field.name] for field in fields(Share))


class Shares:
    """The share links of a ledger. Safe from any thread and any number of processes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def create(
        self,
        *,
        asset: str,
        owner: str,
        expires: float | None = None,
        location: bool = False,
        downloads: bool = False,
    ) -> NewShare:
        """Create a share link. Raises `UsageError` for a time in the past, or if the asset has too many."""
        now = self._ledger.now()
        if expires is not None and expires <= now:
            raise UsageError("the link would be expired already", remedy="choose a time in the future")
        share = Share(
            id=secrets.token_hex(_ID_BYTES),
            asset=asset,
            owner=owner,
            created=now,
            expires=expires,
            revoked=None,
            location=location,
            downloads=downloads,
        )
        secret = SHARE_SECRET.generate()

        def work(connection: Connection) -> None:
            count = select(func.count()).where(shares.c.asset == asset, _is_valid(now))
            if connection.execute(count).scalar_one() >= MAX_OF_ASSET:
                raise UsageError(
                    f"the asset has {MAX_OF_ASSET} share links", remedy="revoke one of them first"
                )
            connection.execute(insert(shares).values(**vars(share), digest=SHARE_SECRET.digest(secret)))

        self._ledger.write(work)
        return NewShare(share=share, secret=secret)

    def authenticate(self, secret: str) -> Share | None:
        """The valid share link with this secret, or None; also None once its asset has another owner."""
        digest = SHARE_SECRET.digest(secret)
        if digest is None:
            return None
        query = (
            select(*_COLUMNS, shares.c.digest)
            .join(assets, and_(assets.c.asset == shares.c.asset, assets.c.owner == shares.c.owner))
            .where(shares.c.digest == digest, assets.c.state != "deleting")
        )
        row = self._ledger.read(lambda c: c.execute(query).mappings().first())
        if row is None or not same(row["digest"], digest):
            return None
        share = Share(**{field.name: row[field.name] for field in fields(Share)})
        return share if share.is_valid(self._ledger.now()) else None

    def list(self, *, owner: str | None = None, asset: str | None = None) -> list[Share]:
        """Share links (of one owner, of one asset), the newest first; revoked and expired ones too."""
        query = select(*_COLUMNS).order_by(shares.c.created.desc(), shares.c.id)
        if owner is not None:
            query = query.where(shares.c.owner == owner)
        if asset is not None:
            query = query.where(shares.c.asset == asset)
        return [Share(**row) for row in self._ledger.read(lambda c: c.execute(query).mappings().all())]

    def names(self, found: Collection[Share]) -> dict[str, str]:
        """The names of the assets of share links, by the asset's id."""
        query = select(assets.c.asset, assets.c.name).where(
            assets.c.asset.in_({each.asset for each in found})
        )
        return {row.asset: row.name for row in self._ledger.read(lambda c: c.execute(query).all())}

    def get(self, share: str) -> Share | None:
        """The share link with this id."""
        query = select(*_COLUMNS).where(shares.c.id == share)
        row = self._ledger.read(lambda c: c.execute(query).mappings().first())
        return None if row is None else Share(**row)

    def revoke(self, share: str) -> bool:
        """Revoke the share link with this id; False if it is unknown or revoked already."""
        change = (
            update(shares)
            .where(shares.c.id == share, shares.c.revoked.is_(None))
            .values(revoked=self._ledger.now())
        )
        return self._ledger.write(lambda c: c.execute(change).rowcount) > 0


def _is_valid(now: float) -> ColumnElement[bool]:
    return and_(shares.c.revoked.is_(None), or_(shares.c.expires.is_(None), shares.c.expires > now))
