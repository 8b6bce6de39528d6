"""Notices commits of other processes, on SQLite, which cannot notify: a thread reads the file's version.

The version is in memory that SQLite's processes share, so that reading it costs microseconds. PostgreSQL has
notifications instead (`notify`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import DBAPIError

from eddyline.graph.db.transactions import Database

_POLL_S = 0.02
_RETRY_S = 1.0


class CommitWatcher:
    """Calls `on_commit` within about 20 ms of a commit by another process, from a thread, until `close`.

    A commit may be missed if this process commits at the same time, and `on_commit` may be called for the
    latter. Does nothing on PostgreSQL.
    """

    def __init__(self, database: Database, on_commit: Callable[[], None]) -> None:
        self._database = database
        self._on_commit = on_commit
        self._closed = threading.Event()
        if database.is_sqlite:
            threading.Thread(target=self._run, name="ledger-commits", daemon=True).start()

    def close(self) -> None:
        """End the thread, soon."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._watch()
            except (DBAPIError, self._database.engine.dialect.loaded_dbapi.Error):
                self._closed.wait(_RETRY_S)

    def _watch(self) -> None:
        # A connection of the engine, but not of its pool: a version says only whether others have committed.
        raw = self._database.engine.raw_connection()
        driver: Any = raw.driver_connection
        raw.detach()
        try:
            seen = self._version(driver)
            while not self._closed.wait(_POLL_S):
                found = self._version(driver)
                if found[1] != seen[1] and found[0] == seen[0]:
                    self._on_commit()
                seen = found
        finally:
            driver.close()

    def _version(self, driver: Any) -> tuple[int, int]:  # noqa: ANN401 - a driver's connection
        """The number of this process's commits, and the version of the file, which any commit changes."""
        commits = self._database.commits
        return commits, int(driver.execute("PRAGMA data_version").fetchone()[0])
