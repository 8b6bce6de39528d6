"""The report as one HTML page that needs no network, no script and no other file."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import islice

from eddyline.core.formatting import printable_line
from eddyline.core.markup import Html, element, join_lines, relative_url
from eddyline.sim.engine.result import RunResult
from eddyline.sim.report.chart import Chart, figure
from eddyline.sim.report.distribution_charts import ready_chart, survival_chart
from eddyline.sim.report.fleet_series import series_of
from eddyline.sim.report.plot import LOOKS
from eddyline.sim.report.report import ReportTable, SimulationReport
from eddyline.sim.report.time_charts import capacity_chart, cost_chart, interruption_chart

_MOST_ROWS = 1000
_MOST_TEXT = 1000
_MOST_NAME = 60
_NUMBER = re.compile(r"[-+<>~]?\s?\$?[-+]?[0-9][0-9.,]*.*")


def render_html(report: SimulationReport) -> str:
    """The page. Charts show the first 12 runs; tables, their first 1,000 rows."""
    return render_page(report, charts_of(report))


def render_page(report: SimulationReport, charts: Iterable[Chart], *, beside: Sequence[str] = ()) -> str:
    """The page with these charts; it links the files `beside` it."""
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    content = [
        *(_table(each, number) for number, each in enumerate(report.tables, 1)),
        *(figure(each) for each in charts),
        *_left_out(report),
        *_files(beside),
    ]
    body = [
        _HATCH,
        element(
            "header",
            element("p", "Eddyline", class_="brand"),
            element("h1", _text(report.title)),
            _facts(report),
        ),
        element("main", join_lines(content)),
    ]
    page = element("html", _head(report, style), element("body", join_lines(body)), lang="en")
    return f"<!doctype html>\n{page}\n"


def charts_of(report: SimulationReport) -> tuple[Chart, ...]:
    """The charts of the first 12 runs; names are shortened to 60 characters."""
    first = enumerate(islice(report.runs.items(), LOOKS), 1)
    runs: dict[str, RunResult] = {}
    for number, (name, run) in first:
        shown = _name(name, number)
        runs[f"{shown} ({number})" if shown in runs else shown] = run
    series = {name: series_of(run) for name, run in runs.items()}
    return (
        cost_chart(series, {name: run.totals.cost_usd for name, run in runs.items()}),
        capacity_chart(series),
        interruption_chart(series),
        survival_chart(runs),
        ready_chart(runs, report.deadlines_s),
    )


_HATCH = element(
    "svg",
    element(
        "pattern",
        element("path", d="M0 6L6 0M-1 1L1 -1M5 7L7 5"),
        id="hatch",
        width="6",
        height="6",
        patternUnits="userSpaceOnUse",
    ),
    class_="definitions",
    aria_hidden="true",
)


def _head(report: SimulationReport, style: str) -> Html:
    pin = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{pin}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{_text(report.title)} · Eddyline"),
        element("link", rel="icon", href="data:,"),
        element("style", Html(style)),
    )


def _facts(report: SimulationReport) -> Html:
    pairs = [
        each
        for name, value in report.facts
        for each in (element("dt", _text(name)), element("dd", _text(value)))
    ]
    return element("dl", *pairs)


def _table(table: ReportTable, number: int) -> Html:
    heading = f"table-{number}"
    shown = table.rows[:_MOST_ROWS]
    is_number = [
        place > 0 and all(_is_number(row[place]) for row in shown) for place in range(len(table.columns))
    ]
    classes = ["number" if each else None for each in is_number]
    left_out = len(table.rows) - len(shown)
    notes = [table.note, f"{left_out:,} more rows are in the CSV file." if left_out else ""]
    return element(
        "section",
        element("h2", _text(table.title), id=heading),
        element(
            "div",
            element(
                "table",
                element("thead", _heading_row(table.columns, classes)),
                element("tbody", *(_row(row, classes) for row in shown)),
            ),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_labelledby=heading,
        ),
        *(element("p", _text(each), class_="quiet") for each in notes if each),
        aria_labelledby=heading,
    )


def _heading_row(columns: Sequence[str], classes: Sequence[str | None]) -> Html:
    return element(
        "tr",
        *(
            element("th", _text(name), scope="col", class_=kind)
            for name, kind in zip(columns, classes, strict=True)
        ),
    )


def _row(row: Sequence[str], classes: Sequence[str | None]) -> Html:
    cells = zip(row, classes, strict=True)
    return element(
        "tr",
        *(
            element("td", _text(value), class_=kind) if place else element("th", _text(value), scope="row")
            for place, (value, kind) in enumerate(cells)
        ),
    )


def _is_number(text: str) -> bool:
    return not text or text in {"-", "n/a"} or _NUMBER.fullmatch(text) is not None


def _left_out(report: SimulationReport) -> list[Html]:
    count = len(report.runs) - LOOKS
    if count <= 0:
        return []
    return [element("p", f"Charts show the first {LOOKS} runs; {count:,} more are left out.", class_="quiet")]


def _files(names: Sequence[str]) -> list[Html]:
    if not names:
        return []
    links = [element("li", element("a", name, href=relative_url(name))) for name in names]
    return [
        element(
            "section",
            element("h2", "Data", id="files"),
            element("p", "Files beside this page, with the rows of its tables and charts.", class_="quiet"),
            element("ul", *links, class_="files"),
            aria_labelledby="files",
        )
    ]


def _name(name: str, number: int) -> str:
    return printable_line(name, _MOST_NAME) or f"policy {number}"


def _text(value: str) -> str:
    return value if len(value) <= _MOST_TEXT else value[:_MOST_TEXT] + "…"
