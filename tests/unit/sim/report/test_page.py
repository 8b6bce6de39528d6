from __future__ import annotations

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.unit.sim.report.runs import empty_run, report, run

from eddyline.sim.report.chart import figure
from eddyline.sim.report.csv_files import csv_files
from eddyline.sim.report.page import charts_of, render_html
from eddyline.sim.report.report import ReportTable
from eddyline.sim.report.write import write_report

HOSTILE = '<img src=x onerror=alert(1)>"\x1b[2J\u202e'


class Elements(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs


def test_the_page_has_facts_tables_and_all_charts() -> None:
    text = render_html(report())
    for part in ("Calm · Eddyline", "calm.yaml", "Means.", "Cost over time", "Capacity against load"):
        assert part in text
    for part in ("Interruptions", "Survival of Spot Instances", "Time to ready", "deadline 15 min"):
        assert part in text


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = render_html(report())
    found = Elements(text)
    assert "script" not in found.names
    assert {value for name, value in found.attributes if name in {"href", "src"}} == {"data:,"}
    assert not [name for name, _ in found.attributes if name == "style" or name.startswith("on")]
    assert re.search(r"Content-Security-Policy\" content=\"default-src &#x27;none&#x27;; style-src", text)
    assert "@import" not in text


def test_names_of_elements_are_unique() -> None:
    names = [value for name, value in Elements(render_html(report())).attributes if name == "id"]
    assert len(names) == len(set(names))


def test_texts_are_escaped() -> None:
    table = ReportTable(title=HOSTILE, columns=(HOSTILE, "b"), rows=((HOSTILE, HOSTILE),), note=HOSTILE)
    found = replace(report(**{HOSTILE: run()}), title=HOSTILE, facts=((HOSTILE, HOSTILE),), tables=(table,))
    text = render_html(found)
    assert "img" not in Elements(text).names
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_long_texts_tables_and_many_runs_are_bounded() -> None:
    table = ReportTable(title="T" * 10_000, columns=("a",), rows=tuple((str(n),) for n in range(3000)))
    runs = {f"policy {number}": empty_run() for number in range(14)}
    text = render_html(replace(report(**runs), tables=(table,)))
    assert "2,000 more rows are in the CSV file." in text
    assert "Charts show the first 12 runs; 2 more are left out." in text
    assert len(text) < 150_000


def test_the_page_of_a_long_run_stays_small() -> None:
    assert len(render_html(report(ours=run(1, samples=43_200)))) < 500_000


def test_numbers_are_aligned_to_the_right() -> None:
    text = render_html(report())
    assert '<th scope="col" class="number">cost</th>' in text
    assert '<th scope="col">policy</th>' in text


def test_a_row_needs_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="1 cells in a row of 2 columns"):
        ReportTable(title="t", columns=("a", "b"), rows=(("x",),))


def test_a_chart_without_data_says_so() -> None:
    assert "No run has data" in figure(charts_of(report(none=empty_run()))[0])


def test_files_of_tables_and_charts_are_written_and_linked(tmp_path: Path) -> None:
    written = write_report(report(), tmp_path / "new")
    names = [each.name for each in written]
    assert names == [
        "table-1-policies.csv",
        "chart-cost.csv",
        "chart-capacity.csv",
        "chart-interruptions.csv",
        "chart-survival.csv",
        "chart-ready.csv",
        "index.html",
    ]
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == sorted(names)
    page = written[-1].read_text("utf-8")
    assert all(f'href="./{name}"' in page for name in names[:-1])
    with written[0].open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["policy", "cost"], ["a", "$1.50"], ["'=cmd()", "'-2 %"]]


def test_a_report_replaces_an_earlier_one(tmp_path: Path) -> None:
    write_report(report(), tmp_path)
    write_report(replace(report(), title="Second"), tmp_path)
    assert "Second" in (tmp_path / "index.html").read_text("utf-8")


def test_titles_become_names_of_files() -> None:
    tables = [ReportTable(title=title, columns=("a",), rows=()) for title in ("../../etc", "Ä", "A" * 200)]
    assert list(csv_files(tables, ())) == [
        "table-1-etc.csv",
        "table-2-untitled.csv",
        f"table-3-{'a' * 60}.csv",
    ]


def test_names_that_are_shortened_to_the_same_stay_two_runs() -> None:
    found = charts_of(report(**{"n" * 60 + "a": run(1), "n" * 60 + "b": run(2)}))
    assert [key.text for key in found[0].keys] == [f"{'n' * 60}: $13.50", f"{'n' * 60} (2): $14.50"]
