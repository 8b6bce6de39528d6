"""Statements that bypass SQLAlchemy raise its errors."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from tests.unit.graph.ledger_helpers import new

from eddyline.graph.db import fast_sql
from eddyline.graph.ledger.ledger import Ledger

_INSERT = "INSERT INTO workers (name, host, pid, registered, deadline) VALUES ('ada', '', 0, 0, 0)"


def test_a_statement_returns_how_many_rows_it_changed(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    change = "UPDATE jobs SET weight = 2"
    assert ledger._database.write(lambda c: fast_sql.execute(c, change)) == 2
    assert [job.weight for job in ledger.jobs()] == [2.0, 2.0]


def test_an_invalid_statement_raises_an_error_with_the_statement(ledger: Ledger) -> None:
    def query() -> None:
        with ledger._database.engine.begin() as connection:
            fast_sql.fetch(connection, "SELECT nothing FROM nowhere")

    with pytest.raises((OperationalError, ProgrammingError), match="SELECT nothing FROM nowhere"):
        query()


def test_a_duplicate_row_is_an_integrity_error_and_the_connection_is_kept(ledger: Ledger) -> None:
    with ledger._database.engine.connect() as connection:
        with connection.begin():
            fast_sql.execute(connection, _INSERT)
        with pytest.raises(IntegrityError) as caught, connection.begin():
            fast_sql.execute(connection, _INSERT)
        assert not caught.value.connection_invalidated
        assert fast_sql.fetch(connection, "SELECT count(*) FROM workers") == [(1,)]


def test_a_lost_server_invalidates_the_connection(postgres: str) -> None:
    with Ledger.open(postgres) as ledger, ledger._database.engine.connect() as connection:
        with pytest.raises(OperationalError) as caught:
            fast_sql.fetch(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
        assert caught.value.connection_invalidated
        assert connection.invalidated
