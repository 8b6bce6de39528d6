"""The ledger and the media store of a library: those of an output directory, or those of a fleet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.embedded import open_directory_ledger
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.store.store import Store

DEFAULT_OUT = Path("out")
"""The output directory of commands without --out and --ledger."""


@dataclass(frozen=True, kw_only=True)
class Library:
    """An open library; `directory` is its output directory, or None for that of a fleet."""

    ledger: Ledger
    store: Store
    directory: RunDirectory | None


def library_store(out: Path | None, shared: SharedServices) -> Store | None:
    """The store of a library, chosen as by `open_library`; None for a fleet whose store is not set."""
    if out is None and shared.ledger:
        return shared.open_store() if shared.store else None
    directory = RunDirectory(out or DEFAULT_OUT)
    recorded = directory.recorded_store()
    return replace(shared, store=recorded).open_store() if recorded else directory.store


@contextmanager
def open_library(out: Path | None, shared: SharedServices, *, stop: Stop | None = None) -> Iterator[Library]:
    """Open the library of the fleet if its ledger is set and `out` is not, else that of the directory.

    The store of a directory is the one that its runs recorded: a bucket, or the directory itself. Raises
    `UsageError` for a fleet without a store, and for another store than that of the directory.
    """
    if out is None and shared.ledger:
        with shared.open_ledger() as ledger:
            yield Library(ledger=ledger, store=shared.open_store(stop=stop), directory=None)
        return
    directory = RunDirectory(out or DEFAULT_OUT)
    recorded = directory.recorded_store()
    if shared.store and shared.store.rstrip("/") != recorded:
        raise UsageError(
            f"the results of {directory.root} are in {recorded or 'the directory itself'}",
            remedy="pass only --out, or --ledger with --store",
        )
    with open_directory_ledger(directory.root) as ledger:
        store = replace(shared, store=recorded).open_store(stop=stop) if recorded else directory.store
        yield Library(ledger=ledger, store=store, directory=directory)
