"""Rebuilds the catalogue of an output directory or of a fleet from its media store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eddyline.app.library import open_library
from eddyline.app.shared_services import SharedServices
from eddyline.core.stop import Stop
from eddyline.pipeline.publication.rebuild_catalogue import Rebuilt, rebuild_catalogue


def rebuild(
    out: Path | None, shared: SharedServices, *, stop: Stop, on_skipped: Callable[[str, str], None]
) -> Rebuilt:
    """Rebuild the catalogue of a library. Raises `UsageError` as `open_library` does."""
    with open_library(out, shared, stop=stop) as library:
        return rebuild_catalogue(library.store, library.ledger, stop=stop, on_skipped=on_skipped)
