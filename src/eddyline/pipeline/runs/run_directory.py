"""The output directory of an embedded run: locked by one process, cleaned of what killed runs left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from eddyline.core import files
from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import UsageError
from eddyline.pipeline.planning.output_layout import OUTPUT, STATE, manifest_key, parts_prefix
from eddyline.store.local import LocalStore
from eddyline.store.store import Store

LOCK_TIMEOUT_S = 1.0
"""How long a run waits for the lock, which a child of a killed run holds until it executes its program."""

JOBS_TIMEOUT_S = 10.0
"""How long a process that runs jobs waits for the worker of a killed server, which hands back its jobs."""

_LOCK_RETRY = BackoffPolicy(base_s=0.01, cap_s=0.1)


class RunDirectory:
    """An output directory: `assets/` for users, `.eddyline/` for the ledger, the parts and scratch files."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.store = LocalStore(self.root)

    @property
    def state(self) -> Path:
        """The directory of Eddyline's own state."""
        return self.root / STATE

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.state / "ledger.sqlite"

    @property
    def scratch(self) -> Path:
        """The scratch directory of jobs; files in it are removed with their job."""
        return self.state / "work"

    @contextlib.contextmanager
    def lock(self, store: Store | None = None, *, runs_jobs: bool = True) -> Iterator[None]:
        """Lock the directory for this process; results go to `store` (None: the directory itself).

        `runs_jobs`: this process, and not its worker process, runs the jobs. Raises `UsageError` if another
        run keeps it locked for `LOCK_TIMEOUT_S`, or if its ledger belongs to another store: jobs that are
        done in one store are not done in another.
        """
        self.store.check()
        with self._locked("lock", LOCK_TIMEOUT_S):
            self._require_store(
                "" if store is None or store is self.store else store.where(OUTPUT).removesuffix(f"/{OUTPUT}")
            )
            with self.lock_jobs() if runs_jobs else contextlib.nullcontext():
                yield

    @contextlib.contextmanager
    def lock_jobs(self) -> Iterator[None]:
        """Make this process the only one that runs jobs of the directory, whose lock it or its server holds.

        Raises `UsageError` if another one runs them for `JOBS_TIMEOUT_S`.
        """
        with self._locked("jobs.lock", JOBS_TIMEOUT_S):
            yield

    @contextlib.contextmanager
    def _locked(self, name: str, timeout_s: float) -> Iterator[None]:
        with files.translate_errors(f"preparing {self.root}"):
            self.scratch.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.state / name, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _lock_file(handle, timeout_s=timeout_s):
                pid = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
                raise UsageError(
                    f"another eddyline (process {pid}) is using {self.root}",
                    remedy="wait for it, stop it, or choose another directory with --out",
                )
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(handle)

    def recorded_store(self) -> str:
        """The address of the store of the results; "" for the directory itself."""
        with files.translate_errors(f"reading {self._store_record}"):
            recorded = self._store_record.read_text("utf-8") if self._store_record.is_file() else ""
        return recorded.removesuffix(f"/{OUTPUT}")

    @property
    def _store_record(self) -> Path:
        return self.state / "store"

    def _require_store(self, address: str) -> None:
        recorded = self.recorded_store()
        if not recorded and address and not self.ledger.is_file():
            with files.translate_errors(f"preparing {self.root}"):
                files.write_atomically(self._store_record, f"{address}/{OUTPUT}".encode())
            recorded = address
        if recorded != address:
            raise UsageError(
                f"the results of {self.root} are in {recorded or 'itself'}",
                remedy="pass the same --store as before, or another directory with --out",
            )

    def clean(self, has_open_jobs: Callable[[str], bool]) -> None:
        """Remove what a killed run left: scratch directories, temporary files, parts of published assets.

        `has_open_jobs` returns whether an asset has open jobs, which may need its parts. No other process may
        write below the directory.
        """
        self.clean_jobs(has_open_jobs)
        files.remove_temp_paths(self.state)

    def clean_jobs(self, has_open_jobs: Callable[[str], bool]) -> None:
        """Remove what killed jobs left, as `clean` does, but nothing that a server may be writing."""
        for directory in list(self.scratch.iterdir()):
            files.remove_tree(directory)
        parts = self.state / "parts"
        for top in (self.root / OUTPUT, parts):
            files.remove_temp_paths(top)
        for asset in [each.name for each in parts.iterdir()] if parts.is_dir() else ():
            if self.store.size(manifest_key(asset)) is not None and not has_open_jobs(asset):
                self.store.delete(parts_prefix(asset))


def _lock_file(handle: int, *, timeout_s: float) -> bool:
    """Lock an open file exclusively; False if it is still locked after `timeout_s`."""
    backoff = Backoff(_LOCK_RETRY, deadline=time.monotonic() + timeout_s)
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not backoff.pause():
                return False
        else:
            return True
