"""The tables and the data of the charts as CSV files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from eddyline.core.csv_cells import cell
from eddyline.sim.report.chart import Chart
from eddyline.sim.report.report import ReportTable

_MOST_STEM = 60


def csv_files(tables: Iterable[ReportTable], charts: Iterable[Chart]) -> dict[str, str]:
    """The texts by the names of the files: of each table, then of each chart."""
    found = {
        f"table-{number}-{_stem(each.title)}.csv": _csv(each.columns, each.rows)
        for number, each in enumerate(tables, 1)
    }
    return found | {f"chart-{each.name}.csv": _csv(each.columns, each.rows) for each in charts}


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([cell(each) for each in columns])
    writer.writerows([cell(each) for each in row] for row in rows)
    return buffer.getvalue()


def _stem(title: str) -> str:
    """The title in characters that every file system and URL takes."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower())[:_MOST_STEM].strip("-") or "untitled"
