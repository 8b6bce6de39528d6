"""The folder DIR of an embedded run: one process at a time, swept clean of what a kill left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from eddyline.core import files
from eddyline.core.errors import UsageError
from eddyline.pipeline.planning.output_layout import OUTPUT, STATE, manifest_key
from eddyline.pipeline.planning.plan import parts_prefix
from eddyline.store.local import LocalStore
from eddyline.store.store import Store


class RunDirectory:
    """DIR: `assets/` for people, `.eddyline/` for the ledger, the parts and scratch space."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.store = LocalStore(self.root)

    @property
    def state(self) -> Path:
        """Where Eddyline's own state lies."""
        return self.root / STATE

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.state / "ledger.sqlite"

    @property
    def scratch(self) -> Path:
        """Where jobs work; nothing in it outlives its job."""
        return self.state / "work"

    @contextlib.contextmanager
    def occupied(self, store: Store | None = None) -> Iterator[None]:
        """Hold DIR for this process; results go to `store` (None: DIR itself).

        Raises `UsageError` if another run is at work in it, or if its ledger tells of results elsewhere: what
        is done in one store is not done in another.
        """
        self.store.check()
        with files.translate_errors(f"preparing {self.root}"):
            self.scratch.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
                raise UsageError(
                    f"another eddyline (process {pid}) is at work in {self.root}",
                    remedy="wait for it, stop it, or choose another folder with --out",
                ) from None
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            self._belong_to("" if store is None or store is self.store else store.where(OUTPUT))
            yield
        finally:
            os.close(handle)

    def _belong_to(self, place: str) -> None:
        mark = self.state / "store"
        with files.translate_errors(f"preparing {self.root}"):
            if mark.is_file():
                known = mark.read_text("utf-8")
            elif self.ledger.is_file() or not place:
                known = ""
            else:
                files.write_atomically(mark, place.encode())
                known = place
        if known != place:
            raise UsageError(
                f"the results of {self.root} lie in {known.removesuffix(f'/{OUTPUT}') or 'itself'}",
                remedy="name the same --store as before, or another folder with --out",
            )

    def sweep(self, busy: Callable[[str], bool]) -> None:
        """Remove what a killed run left: scratch folders, half-written files, parts of published assets.

        `busy` says whether an asset still has open jobs, which may want its parts.
        """
        for folder in list(self.scratch.iterdir()):
            files.remove_tree(folder)
        for top in (self.root / OUTPUT, self.state):
            files.remove_temp_paths(top)
        parts = self.state / "parts"
        for folder in list(parts.iterdir()) if parts.is_dir() else ():
            if self.store.size(manifest_key(folder.name)) is not None and not busy(folder.name):
                self.store.delete(parts_prefix(folder.name))
