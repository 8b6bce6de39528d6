"""Finds the asset that an owner has of some content already, so that nothing is uploaded or stored twice."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from eddyline.core.errors import TransientError
from eddyline.core.identity import digest
from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.runtime.source_files import SourceFile
from eddyline.pipeline.submission.submit import asset_id, fingerprint_source

_PRESENT = ("processing", "ready")


def asset_of(fingerprints: Sequence[str], profile: Profile, owner: str) -> str:
    """The id of the asset of a recording, by the fingerprints of its files in order."""
    content = fingerprints[0] if len(fingerprints) == 1 else digest("chapters", *fingerprints)
    return asset_id(content, profile, owner)


def find_present(ledger: Ledger, asset: str) -> tuple[str, str] | None:
    """The state and the source of an asset that is ready or being processed; None for any other."""

    def work(connection: Connection) -> tuple[str, str] | None:
        query = select(assets.c.state, assets.c.source).where(assets.c.asset == asset)
        row = connection.execute(query).one_or_none()
        return None if row is None else (str(row.state), str(row.source))

    found = ledger.read(work)
    if found is not None and found[0] == "deleting":
        raise TransientError("the asset is being deleted", remedy="try again in a minute")
    return found if found is not None and found[0] in _PRESENT else None


def find_duplicate(ledger: Ledger, addresses: Sequence[str], profile: Profile, owner: str) -> str | None:
    """The asset that the owner has already from other files with this content; None if there is none.

    An asset whose source is the first of `addresses` was submitted from them, before a crash.
    """
    asset = asset_of([_fingerprint(each) for each in addresses], profile, owner)
    present = find_present(ledger, asset)
    return asset if present is not None and present[1] != addresses[0] else None


def _fingerprint(address: str) -> str:
    with SourceFile.current(address).open() as src:
        return fingerprint_source(src)
