from __future__ import annotations

import csv
import io

import pytest
from fastapi import Request

from eddyline.core.csv_cells import cell
from eddyline.web.csv_export import csv_text, wants_csv


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "=cmd"])
def test_text_that_may_be_a_formula_is_escaped(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "expected"), [(-1.5, -1.5), (None, ""), ("GX-1.MP4", "GX-1.MP4"), (True, True)]
)
def test_other_values_stay_as_they_are(value: object, expected: object) -> None:
    assert cell(value) == expected


def test_rows_are_read_back_as_written() -> None:
    rows = [{"name": f'a "quoted", {n}\nline', "n": n, "other": 1} for n in range(1200)]
    parts = list(csv_text(("name", "n", "absent"), rows))
    assert len(parts) == 3
    read = list(csv.reader(io.StringIO("".join(parts), newline="")))
    assert read == [["name", "n", "absent"], *([row["name"], str(row["n"]), ""] for row in rows)]


@pytest.mark.parametrize(
    ("accept", "form", "expected"),
    [
        ("text/csv", "", True),
        ("text/csv;q=0.9, */*", "", True),
        ("application/json, text/csv", "", False),
        ("text/csv", "json", False),
        ("*/*", "csv", True),
        ("*/*", "", False),
    ],
)
def test_csv_is_wanted_by_query_or_header(accept: str, form: str, *, expected: bool) -> None:
    request = Request({"type": "http", "headers": [(b"accept", accept.encode())]})
    assert wants_csv(request, form) is expected
