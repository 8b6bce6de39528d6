"""Rows in bulk: texts and numbers are stored unchanged."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Select
from tests.unit.graph.ledger_helpers import claim_jobs, get, new, query_plan, settle

from eddyline.graph.db import bulk
from eddyline.graph.job import Done
from eddyline.graph.ledger import archive, leases, rows
from eddyline.graph.ledger.dependencies import dependants, states
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.outbox import entries

_UNUSUAL_TEXTS = (
    'a "quoted" name',
    "back\\slash\\",
    "{braces},commas",
    "NULL",
    " blanks ",
    "two\nlines\tand a tab",
    "it's",
    "Wildwasser \U0001f6f6 \u00fc",
    '\\"',
    "%(name)s %s :name",
)


@pytest.mark.parametrize("text", _UNUSUAL_TEXTS)
def test_unusual_text_is_stored_unchanged(ledger: Ledger, text: str) -> None:
    ledger.submit([new(text, owner=text, spec={"note": text}), new("after", text)])
    claim = claim_jobs(ledger)[0]
    assert (claim.job.id, claim.job.owner, claim.job.spec) == (text, text, {"note": text})
    settle(ledger, claim, Done(result={"note": text}, output=text))
    assert (get(ledger, text).result, get(ledger, text).output) == ({"note": text}, text)
    released = claim_jobs(ledger)[0].job
    assert (released.id, released.dependencies) == ("after", (text,))


@pytest.mark.parametrize("weight", [1e-12, 0.1 + 0.2, 1e300, 7])
def test_numbers_are_stored_exactly(ledger: Ledger, weight: float) -> None:
    ledger.submit([new("a-1", weight=weight, deadline=1_700_000_000.123456)])
    assert (get(ledger, "a-1").weight, get(ledger, "a-1").deadline) == (weight, 1_700_000_000.123456)


def test_an_empty_text_is_not_null(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    settle(ledger, claim_jobs(ledger)[0], Done(result={}, output=""))
    assert get(ledger, "a-1").output == ""


@pytest.mark.parametrize(
    "module", [archive, dependants, leases, entries, rows, states], ids=lambda m: m.__name__
)
def test_a_query_for_a_list_of_ids_reads_no_other_rows(module: ModuleType, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        queries = [
            bulk._statement(query, (), "sqlite")
            for query in vars(module).values()
            if isinstance(query, Select)
        ]
        by_ids = [query for query in queries if "json_each" in query.text]
        assert by_ids
        for query in by_ids:
            steps = query_plan(ledger, query.text, ["[]" for _ in query.order or ()])
            assert all(step.startswith(("SEARCH", "LIST", "SCAN json_each")) for step in steps), steps
