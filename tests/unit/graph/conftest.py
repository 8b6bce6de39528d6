"""Ledgers to test on: SQLite always, PostgreSQL where a server can be had."""

from __future__ import annotations

import importlib.util
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.graph.postgres_server import NoServerError, Server, emptied

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a database to wipe at will: TEST_DATABASE_URL, or one of a server of our own."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("no psycopg: PostgreSQL is not tested")
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
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
    """A PostgreSQL server that the test may crash and start again."""
    try:
        own = Server()
        own.__enter__()
    except NoServerError as error:
        pytest.skip(str(error))
    try:
        yield own
    finally:
        own.__exit__()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where to open a fresh ledger; every test that asks for it runs once a dialect."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return emptied(str(request.getfixturevalue("postgres")))


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
