"""Writes a report into a directory: `index.html`, and a CSV file for each table and each chart."""

from __future__ import annotations

from pathlib import Path

from eddyline.core.atomic_output import atomic_output
from eddyline.sim.report.csv_files import csv_files
from eddyline.sim.report.page import charts_of, render_page
from eddyline.sim.report.report import SimulationReport


def write_report(report: SimulationReport, directory: Path) -> list[Path]:
    """Write the files, each atomically, and return their paths; the page comes last.

    Files of an earlier report with the same names are replaced. Raises `UsageError` or `TransientError`
    where the directory cannot be written.
    """
    charts = charts_of(report)
    texts = csv_files(report.tables, charts)
    texts["index.html"] = render_page(report, charts, beside=tuple(texts))
    written = []
    for name, text in texts.items():
        path = directory / name
        with atomic_output(path) as out:
            out.file.write_text(text, "utf-8", newline="")
        written.append(path)
    return written
