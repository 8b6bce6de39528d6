from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, select, update

from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.graph.db.library_schema import assets
from eddyline.graph.db.library_schema import shares as table
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library import shares as module
from eddyline.library.shares import Shares

ASSET, OTHER = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def shares(ledger: Ledger) -> Shares:
    """The share links of a ledger with two assets."""
    common = {
        "state": "ready",
        "created": 1.0,
        "updated": 1.0,
        "profile": "p",
        "source": "s",
        "progress": 1.0,
    }
    rows = [
        {"asset": ASSET, "owner": "ann", "name": "a.mp4", **common},
        {"asset": OTHER, "owner": "bob", "name": "b.mp4", **common},
    ]
    ledger.write(lambda c: c.execute(insert(assets), rows))
    return Shares(ledger)


def test_a_link_is_valid_until_it_expires(shares: Shares, clock: ManualClock) -> None:
    created = shares.create(asset=ASSET, owner="ann", expires=clock.now() + 60, location=True)
    assert len(created.secret) == 22
    found = shares.authenticate(created.secret)
    assert found == created.share
    assert (found.asset, found.location, found.downloads) == (ASSET, True, False)
    clock.advance(60)
    assert shares.authenticate(created.secret) is None


def test_a_link_is_valid_until_it_is_revoked(shares: Shares) -> None:
    created, kept = (shares.create(asset=ASSET, owner="ann") for _ in range(2))
    assert shares.revoke(created.share.id)
    assert not shares.revoke(created.share.id)
    assert not shares.revoke("absent")
    assert shares.authenticate(created.secret) is None
    assert shares.authenticate(kept.secret) is not None


def test_a_link_ends_with_its_asset(shares: Shares, ledger: Ledger) -> None:
    secret = shares.create(asset=ASSET, owner="ann").secret
    ledger.write(lambda c: c.execute(update(assets).where(assets.c.asset == ASSET).values(state="deleting")))
    assert shares.authenticate(secret) is None
    ledger.write(lambda c: c.execute(delete(assets).where(assets.c.asset == ASSET)))
    assert shares.authenticate(secret) is None


def test_a_link_does_not_show_an_asset_of_another_owner(shares: Shares) -> None:
    assert shares.authenticate(shares.create(asset=OTHER, owner="ann").secret) is None


def test_links_are_listed_by_owner_and_asset(shares: Shares) -> None:
    first = shares.create(asset=ASSET, owner="ann").share
    second = shares.create(asset=OTHER, owner="bob").share
    assert shares.list(owner="ann") == [first]
    assert shares.list(asset=OTHER) == [second]
    assert shares.list(owner="ann", asset=OTHER) == []
    assert {each.id for each in shares.list()} == {first.id, second.id}
    assert shares.names([first, second]) == {ASSET: "a.mp4", OTHER: "b.mp4"}
    assert shares.get(first.id) == first
    assert shares.get("absent") is None


def test_the_ledger_keeps_no_secret(shares: Shares, ledger: Ledger) -> None:
    secret = shares.create(asset=ASSET, owner="ann").secret
    assert secret not in repr(ledger.read(lambda c: c.execute(select(table)).all()))


@pytest.mark.parametrize("secret", ["", "a" * 22, "a" * 21, "../manifest.json", "%00"])
def test_an_unknown_secret_is_refused(shares: Shares, secret: str) -> None:
    shares.create(asset=ASSET, owner="ann")
    assert shares.authenticate(secret) is None


def test_invalid_links_are_refused(shares: Shares, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="expired already"):
        shares.create(asset=ASSET, owner="ann", expires=1.0)
    monkeypatch.setattr(module, "MAX_OF_ASSET", 1)
    shares.create(asset=ASSET, owner="ann")
    with pytest.raises(UsageError, match="has 1 share links"):
        shares.create(asset=ASSET, owner="ann")
