"""New ledgers as copies of one: creating the tables takes longer than most tests."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from tests.unit.graph.postgres_server import empty_database

from eddyline.graph.ledger.ledger import Ledger

_TEMPLATE, _COPY = "template_ledger", "ledger"


@cache
def new_ledger_file() -> bytes:
    """The file of a new ledger on SQLite."""
    with tempfile.TemporaryDirectory(prefix="eddyline-ledger-") as name:
        path = Path(name) / "ledger.sqlite"
        Ledger.open(path).close()
        return path.read_bytes()


def new_ledger(url: str) -> str:
    """The address of a new ledger on the server at `url`; the one before it is deleted."""
    if os.environ.get("TEST_DATABASE_URL"):
        return empty_database(url)  # its user may not be allowed to create databases
    import psycopg

    template = _create_template(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {_COPY} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {_COPY} TEMPLATE {template} STRATEGY file_copy")
    return _on(url, _COPY)


@cache
def _create_template(url: str) -> str:
    """Create a database with a new ledger, once for each server; returns its name."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_TEMPLATE}")
    Ledger.open(_on(url, _TEMPLATE)).close()
    return _TEMPLATE


def _on(url: str, database: str) -> str:
    return url.replace("/postgres?", f"/{database}?")
