"""Old ledgers are migrated when they are opened, on both dialects, also by concurrent processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, select, text
from tests.unit.graph.ledger_helpers import finish, get, new

from eddyline.graph.db import migrations
from eddyline.graph.db.schema import jobs, outbox
from eddyline.graph.db.transactions import LedgerError, as_url
from eddyline.graph.job import Done, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

REVISIONS = sorted(
    script.revision for script in ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
)
INSERT = (
    "INSERT INTO jobs (id, asset, kind, {pool}, priority, owner, spec, weight, created, state, unmet,"
    " attempt, starts, interruptions, losses, fence, ready_at) VALUES"
    " (:id, 'a', 'work', 'cpu', 0, '', '{{}}', 1, 1, :state, :unmet, 0, 0, 0, 0, 0, :ready_at)"
)
DEPENDENCY = "INSERT INTO {table} (job_id, {column}, optional, met) VALUES (:job, :dependency, :no, :no)"


def _in_transaction(url: str, work: Callable[[Connection], object]) -> None:
    engine = create_engine(as_url(url))
    try:
        with engine.begin() as connection:
            work(connection)
    finally:
        engine.dispose()


def _create_ledger(url: str, revision: str, *, version_table: bool = True) -> None:
    """Creates a ledger of that revision, with one ready job and one that waits for it."""

    def work(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "eddyline.graph.db:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        old = revision < "0006"
        job = text(INSERT.format(pool="cls" if old else "pool"))
        connection.execute(job, {"id": "a-1", "state": "ready", "unmet": 0, "ready_at": 1.0})
        connection.execute(job, {"id": "a-2", "state": "waiting", "unmet": 1, "ready_at": None})
        table, column = ("needs", "need_id") if old else ("dependencies", "dependency_id")
        edge = text(DEPENDENCY.format(table=table, column=column))
        connection.execute(edge, {"job": "a-2", "dependency": "a-1", "no": False})
        if not version_table:
            connection.execute(text("DROP TABLE alembic_version"))

    _in_transaction(url, work)


def _schema(ledger: Ledger) -> dict[str, Any]:
    """The columns, keys and indexes of all tables."""

    def describe(connection: Connection) -> dict[str, Any]:
        inspector = inspect(connection)
        return {
            table: (
                sorted(
                    (c["name"], str(c["type"]), c["nullable"], str(c["default"]).split("::")[0].strip("'"))
                    for c in inspector.get_columns(table)
                ),
                inspector.get_pk_constraint(table)["constrained_columns"],
                sorted(
                    (
                        i["name"],
                        i["column_names"],
                        *(str(v) for k, v in sorted(i["dialect_options"].items()) if k.endswith("where")),
                    )
                    for i in inspector.get_indexes(table)
                ),
            )
            for table in inspector.get_table_names()
        }

    return ledger._database.read(describe)


def test_the_newest_revision_is_that_of_the_schema() -> None:
    assert REVISIONS[-1] == migrations.HEAD
    assert [f"{number:04d}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_ledger_of_each_earlier_revision_is_upgraded_and_usable(empty_url: str, revision: str) -> None:
    with Ledger.open(empty_url) as fresh:
        expected = _schema(fresh)
    _in_transaction(empty_url, _drop_everything)
    _create_ledger(empty_url, revision)
    with Ledger.open(empty_url) as ledger:
        assert _schema(ledger) == expected
        finish(ledger, "a-1")
        ledger.submit([new("b-1")])
        finish(ledger, "a-2", "b-1")
        assert ledger.counts()[State.DONE] == 3
    with Ledger.open(empty_url) as again:
        assert get(again, "a-2").state is State.DONE


def _drop_everything(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        return
    # The full-text table first: its inner tables go with it.
    connection.execute(text("DROP TABLE IF EXISTS assets_search"))
    for table in inspect(connection).get_table_names():
        connection.execute(text(f"DROP TABLE {table}"))


def test_a_ledger_from_before_migrations_is_upgraded(empty_url: str) -> None:
    _create_ledger(empty_url, "0001", version_table=False)
    with Ledger.open(empty_url) as ledger:
        finish(ledger, "a-1")
        finish(ledger, "a-2")


def test_a_running_job_of_an_old_ledger_can_still_be_settled(empty_url: str) -> None:
    _create_ledger(empty_url, "0001")
    _in_transaction(
        empty_url,
        lambda c: c.execute(
            text(
                "UPDATE jobs SET state = 'running', lease_owner = 'ada', fence = 3, ready_at = NULL"
                " WHERE id = 'a-1'"
            )
        ),
    )
    with Ledger.open(empty_url) as ledger:
        assert ledger.settle([Settlement(job_id="a-1", fence=3, outcome=Done(result={}))]) == [True]
        assert get(ledger, "a-2").state is State.READY


def test_renamed_columns_and_tables_keep_their_data(empty_url: str) -> None:
    _create_ledger(empty_url, "0005")

    def fill(connection: Connection) -> None:
        connection.execute(text("UPDATE jobs SET turn = 2.5 WHERE id = 'a-1'"))
        values = {"yes": True, "token": "ab"}
        row = "INSERT INTO outbox VALUES ('a-1', 1048576, 'cpu', 3, 2.5, 1, 0, NULL, :token)"
        connection.execute(text(row), values)
        command = "INSERT INTO orders VALUES ('ada', 'give-up', 'a-1', 7, :yes, 'cancelled', 1, 0)"
        connection.execute(text(command), values)

    _in_transaction(empty_url, fill)
    with Ledger.open(empty_url) as ledger:
        (command,) = ledger.commands("ada")
        assert (command.kind, command.job_id, command.fence, command.over) == ("give-up", "a-1", 7, True)
        rows = ledger.read(
            lambda c: c.execute(select(outbox.c.pool, outbox.c.priority, outbox.c.start_tag)).all()
        )
        assert rows == [("cpu", 3, 2.5)]
        rows = ledger.read(lambda c: c.execute(select(jobs.c.id, jobs.c.pool, jobs.c.start_tag)).all())
        assert sorted(rows) == [("a-1", "cpu", 2.5), ("a-2", "cpu", 0.0)]
        assert get(ledger, "a-2").dependencies == ("a-1",)


def test_a_ledger_of_a_newer_program_is_rejected_and_unchanged(empty_url: str) -> None:
    Ledger.open(empty_url).close()
    _in_transaction(empty_url, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    for _ in range(2):
        with pytest.raises(LedgerError, match="9999"):
            Ledger.open(empty_url)


@pytest.mark.parametrize("revision", [None, "0001"])
def test_many_threads_may_open_a_new_or_old_ledger_at_once(empty_url: str, revision: str | None) -> None:
    if revision is not None:
        _create_ledger(empty_url, revision)
    errors: list[BaseException] = []
    barrier = threading.Barrier(6)

    def open_ledger() -> None:
        try:
            barrier.wait()
            Ledger.open(empty_url).close()
        except BaseException as error:  # noqa: BLE001 - asserted by the test
            errors.append(error)

    threads = [threading.Thread(target=open_ledger) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with Ledger.open(empty_url) as ledger:
        assert ledger.counts()[State.READY] == (0 if revision is None else 1)


def test_several_processes_may_open_an_old_ledger_at_once(empty_url: str) -> None:
    _create_ledger(empty_url, "0001")
    code = "import sys; from eddyline.graph.ledger.ledger import Ledger; Ledger.open(sys.argv[1]).close()"
    processes = [subprocess.Popen([sys.executable, "-c", code, empty_url]) for _ in range(4)]
    assert [process.wait(30) for process in processes] == [0] * 4


def test_a_ledger_on_sqlite_needs_neither_alembic_nor_the_other_dialect(tmp_path: Path) -> None:
    code = (
        "import sys; from eddyline.graph.ledger.ledger import Ledger; Ledger.open(sys.argv[1]).close();"
        "Ledger.open(sys.argv[1]).close();"
        "print(sorted({'alembic', 'sqlalchemy.dialects.postgresql', 'psycopg'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "ledger.db")], capture_output=True, check=True, text=True
    )
    assert ran.stdout.strip() == "[]"
