"""Deletes an asset in steps, each of which can be repeated after a crash at any moment."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from eddyline.core.errors import EddylineError, MissingError
from eddyline.core.stop import Stop
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.deletion import late_output, rows, stored_files
from eddyline.library.deletion.holders import HolderWatch, read_holders
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup
from eddyline.store.store import Store

_MAX_SWEEPS = 5  # in one step, while another process writes files
_CHECKS_AT_ONCE = 20
_LOG = logging.getLogger("eddyline.deletion")


@dataclass(frozen=True, kw_only=True)
class DeletionStep:
    """What one step achieved: whether the asset is `deleted`, or else which workers it waits for."""

    deleted: bool
    waits_for: tuple[str, ...] = ()


class AssetDeletion:
    """Deletes assets from a ledger and a media store. Other processes may work on the same assets.

    `forget` removes what a cache of this process or machine has of an asset, such as its GPS positions.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        *,
        upload_cleanup: UploadCleanup | None = None,
        forget: Callable[[str], None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._upload_cleanup = upload_cleanup or UploadCleanup()
        self._forget = forget
        self._watches: dict[str, HolderWatch] = {}

    def request(self, asset: str) -> None:
        """Put the asset into the state "deleting" and cancel its jobs; `step` or a server does the rest.

        From now on it cannot be submitted until it is deleted. Raises `MissingError` if it is unknown.
        """
        if not self._ledger.write(lambda c: rows.mark(c, asset, self._ledger.now())):
            raise MissingError(
                f"the catalogue does not contain the asset {asset}",
                remedy="check the id; `eddyline status` lists assets that are being processed",
            )
        self._cancel(asset)

    def step(self, asset: str, recorded_source: str = "") -> DeletionStep:
        """Continue the deletion of an asset in the state "deleting".

        `recorded_source` is the address of its source in the catalogue. Returns at once while workers may
        still run its jobs. Raises `TransientError`.
        """
        self._cancel(asset)
        now = self._ledger.now()
        holders = self._ledger.read(lambda c: read_holders(c, asset, now))
        held = self._watches.setdefault(asset, HolderWatch()).still_held(holders, now)
        if held:
            return DeletionStep(deleted=False, waits_for=tuple(held))
        self._delete_sources(asset, recorded_source)
        for _ in range(_MAX_SWEEPS):
            self._upload_cleanup.clean(asset)
            stored_files.delete_files(self._store, asset)
            if next(stored_files.leftovers(self._store, asset), None) is None:
                break
        else:
            return DeletionStep(deleted=False)
        if self._forget is not None:
            self._forget(asset)
        check_after_s = late_output.CHECKS_AFTER_S[0]
        deleted = self._ledger.write(
            lambda c: rows.remove(c, asset, now=self._ledger.now(), check_after_s=check_after_s)
        )
        if deleted:
            self._watches.pop(asset, None)
        return DeletionStep(deleted=deleted)

    def being_deleted(self, limit: int = 100) -> list[tuple[str, str]]:
        """Assets in the state "deleting", with the recorded addresses of their sources."""
        return self._ledger.read(lambda c: rows.being_deleted(c, limit))

    def step_all(self, stop: Stop | None = None) -> int:
        """One step of every asset that is being deleted; returns how many were deleted.

        A failure of one asset is logged and stops no other; the next call tries it again.
        """
        deleted = 0
        for asset, source in self.being_deleted():
            if stop is not None and stop.requested:
                break
            try:
                deleted += self.step(asset, source).deleted
            except EddylineError as error:
                _LOG.warning("deletion of an asset failed", extra={"asset": asset, "error": str(error)})
        return deleted

    def check_late_output(self) -> int:
        """Check deleted assets for late output, as far as that is due; returns how many are deleted again."""
        now = self._ledger.now()
        count = 0
        for check in self._ledger.read(lambda c: late_output.due(c, now=now, limit=_CHECKS_AT_ONCE)):
            found = next(stored_files.leftovers(self._store, check.asset), None) is not None
            count += self._ledger.write(partial(late_output.record, check=check, found=found, now=now))
        return count

    def _cancel(self, asset: str) -> None:
        self._ledger.cancel(asset=asset, reason="the asset is deleted")

    def _delete_sources(self, asset: str, recorded: str) -> None:
        """Delete the uploaded files of the source, except those that another asset uses."""
        uploaded = self._ledger.read(lambda c: rows.uploaded_keys(c, asset))
        addresses = {
            *stored_files.source_addresses(self._store, asset, recorded),
            *map(self._store.where, uploaded),
        }
        keys = {
            address: key
            for address in sorted(addresses)
            if (key := stored_files.uploaded_key(self._store, address)) is not None
        }
        if keys:
            users = self._ledger.read(lambda c: rows.users_of(c, asset, keys))
            used = {first for _, first in users}
            for other, first in users:  # the catalogue has only the first file of a recording in chapters
                used.update(stored_files.source_addresses(self._store, other, first))
            stored_files.delete_sources(self._store, [keys[each] for each in keys if each not in used])
