"""Rebuilds the catalogue of an output directory or of a fleet from its media store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop
from eddyline.pipeline.publication.rebuild_catalogue import Rebuilt, rebuild_catalogue
from eddyline.pipeline.runs.embedded import open_directory_ledger
from eddyline.store.local import LocalStore

_DEFAULT_OUT = Path("out")


def rebuild(
    out: Path | None, shared: SharedServices, *, stop: Stop, on_skipped: Callable[[str, str], None]
) -> Rebuilt:
    """Rebuild the catalogue of the fleet if its ledger is set and `out` is not, else that of the directory.

    Raises `UsageError` for a fleet without a store.
    """
    if out is None and shared.ledger:
        store = shared.open_store(stop=stop)
        with shared.open_plain_ledger() as ledger:
            return rebuild_catalogue(store, ledger, stop=stop, on_skipped=on_skipped)
    folder = out or _DEFAULT_OUT
    if shared.store:
        raise UsageError(
            "the output directory has its own store", remedy="pass --ledger with --store, or only --out"
        )
    with open_directory_ledger(folder) as ledger:
        return rebuild_catalogue(LocalStore(folder), ledger, stop=stop, on_skipped=on_skipped)
