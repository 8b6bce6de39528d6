"""Ledgers for tests: on SQLite always, on PostgreSQL if a server is available."""

from __future__ import annotations

import importlib.util
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.graph.new_ledgers import new_ledger, new_ledger_file
from tests.unit.graph.postgres_server import NoServerError, Server, empty_database

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a database that tests may erase: TEST_DATABASE_URL, or that of a temporary server."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("no psycopg: PostgreSQL is not tested")
    url = os.environ.get("TEST_DATABASE_URL")
    if url:
        yield url
        return
    try:
        server = Server()
        server.__enter__()
    except NoServerError as error:
        pytest.skip(f"{error}; and no TEST_DATABASE_URL: PostgreSQL is not tested")
    try:
        yield server.url
    finally:
        server.__exit__()


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL server that the test may crash and restart."""
    try:
        server = Server()
        server.__enter__()
    except NoServerError as error:
        pytest.skip(str(error))
    try:
        yield server
    finally:
        server.__exit__()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database; every test that uses it runs once for each dialect."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return empty_database(str(request.getfixturevalue("postgres")))


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new ledger; every test that uses it runs once for each dialect."""
    if request.param == "sqlite":
        (tmp_path / "ledger.db").write_bytes(new_ledger_file())
        return str(tmp_path / "ledger.db")
    return new_ledger(str(request.getfixturevalue("postgres")))


@pytest.fixture
def clock() -> ManualClock:
    """A clock that only the test advances."""
    return ManualClock()


@pytest.fixture
def open_ledger(ledger_url: str, clock: ManualClock) -> Iterator[Callable[..., Ledger]]:
    """A function that opens the ledger of the test, any number of times."""
    opened: list[Ledger] = []

    def make(**options: object) -> Ledger:
        arguments: dict[str, Any] = {"clock": clock, "rng": random.Random(7), **options}
        ledger = Ledger.open(ledger_url, **arguments)
        opened.append(ledger)
        return ledger

    yield make
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    """An empty ledger with a clock that only the test advances."""
    return open_ledger()
