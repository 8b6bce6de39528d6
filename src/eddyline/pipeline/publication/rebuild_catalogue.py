"""Rebuilds the catalogue from the manifests of the media store. Can be repeated, and killed, at any time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from eddyline.core.errors import FormatError, MissingError, UsageError
from eddyline.core.stop import Stop
from eddyline.graph.ledger.catalogue.asset import AssetFilters, AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.planning.output_layout import OUTPUT, manifest_key
from eddyline.pipeline.publication.catalogue_facts import catalogue_facts
from eddyline.pipeline.publication.manifest import VERSION
from eddyline.pipeline.runtime.source_files import SourceRegistry
from eddyline.store.store import Store

_MANIFEST = re.compile(rf"{OUTPUT}/([0-9a-f]{{16}})/manifest\.json")
_MAX_MANIFEST_BYTES = 64 * 1024 * 1024  # that of a 12-hour source has about 1 MB
_AT_ONCE = 100  # assets in one transaction


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """The published assets in the store, the rows that were added or changed, and removed; bad manifests."""

    assets: int
    changed: int
    removed: int
    skipped: int


def rebuild_catalogue(
    store: Store, ledger: Ledger, *, stop: Stop, on_skipped: Callable[[str, str], None]
) -> Rebuilt:
    """Make the rows of published assets equal to their manifests; the manifests are the truth.

    `on_skipped` gets the key and the flaw of each manifest that cannot be read; the row of its asset stays as
    it is. Holds a hundred manifests in memory, however many assets there are. Raises `UsageError`, and
    changes nothing, for a store without any asset while the catalogue has published ones: it is probably
    another store. Raises `Interrupted` when `stop` is requested.
    """
    work = _Rebuild(store=store, ledger=ledger, on_skipped=on_skipped)
    for asset in _published_assets(store):
        stop.check()
        work.add(asset)
    work.finish()
    return Rebuilt(assets=work.assets, changed=work.changed, removed=work.removed, skipped=work.skipped)


def _published_assets(store: Store) -> Iterator[str]:
    """The ids of the assets that have a manifest, ascending."""
    for key in store.list(OUTPUT):
        match = _MANIFEST.fullmatch(key)
        if match is not None:
            yield match[1]


@dataclass(kw_only=True)
class _Rebuild:
    """The state of one rebuild: the store's assets and the rows are both walked by ascending id."""

    store: Store
    ledger: Ledger
    on_skipped: Callable[[str, str], None]
    assets: int = 0
    changed: int = 0
    removed: int = 0
    skipped: int = 0
    _batch: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _present: set[str] = field(default_factory=set)
    _after: str = ""

    def add(self, asset: str) -> None:
        """Take the next asset of the store."""
        self._present.add(asset)
        try:
            self._batch[asset] = self._read(asset)
            self.assets += 1
        except MissingError:  # removed meanwhile
            self._present.discard(asset)
        except FormatError as error:
            self.skipped += 1
            self.on_skipped(manifest_key(asset), error.message)
        if len(self._present) >= _AT_ONCE:
            self._flush(asset)

    def finish(self) -> None:
        """Write the last batch, and remove the rows after the last asset."""
        if not self.assets and not self.skipped:
            counts = self.ledger.catalogue.count(AssetFilters(states=(AssetState.READY,)))
            if counts[AssetState.READY]:
                raise UsageError(
                    "the media store has no assets, but the catalogue has published ones",
                    remedy="check the address of the store; to delete assets, use the page or the API",
                )
        self._flush(None)

    def _read(self, asset: str) -> Mapping[str, Any]:
        """The facts of one manifest. Raises `MissingError`, `FormatError`."""
        key = manifest_key(asset)
        size = self.store.size(key)
        if size is not None and size > _MAX_MANIFEST_BYTES:
            raise FormatError(f"a manifest of {size} bytes is too large")
        try:
            manifest = json.loads(self.store.get(key))
        except (ValueError, RecursionError) as error:
            raise FormatError(f"it is not JSON: {error}") from error
        if not isinstance(manifest, dict) or manifest.get("asset") != asset:
            raise FormatError("it is not the manifest of this asset")
        version = manifest.get("version")
        if type(version) is not int or not 1 <= version <= VERSION:
            raise FormatError(f"its version is not between 1 and {VERSION}")
        return {**catalogue_facts(manifest), "source": self._source(asset)}

    def _source(self, asset: str) -> str:
        try:
            return SourceRegistry(self.store).find(asset).address
        except (MissingError, FormatError):
            return ""

    def _flush(self, upto: str | None) -> None:
        """Restore the rows of the batch; remove the other rows up to this id (None: all that follow)."""
        if self._batch:
            self.changed += self.ledger.catalogue.restore(self._batch)
        while names := self.ledger.catalogue.ids(after=self._after, upto=upto, limit=_AT_ONCE):
            missing = [
                name
                for name in names
                if name not in self._present and self.store.size(manifest_key(name)) is None
            ]
            if missing:
                self.removed += self.ledger.catalogue.remove_missing(missing)
            self._after = names[-1]
        if upto is not None:
            self._after = upto
        self._batch, self._present = {}, set()
