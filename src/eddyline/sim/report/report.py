"""What a report shows: facts, tables, and one run of each policy for the charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eddyline.sim.engine.result import RunResult


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A table of texts; each row has a cell for each column. The first cell names its row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: {len(row)} cells in a row of {len(self.columns)} columns")


@dataclass(frozen=True, kw_only=True)
class SimulationReport:
    """All texts may come from files and are escaped.

    `facts`: names and values, such as the scenario, the market, the seeds, prices with their dates, and the
    command. `runs`: by the name of the policy, in the order of the charts. `deadlines_s`: marked in the
    chart of the times to ready.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[ReportTable, ...]
    runs: Mapping[str, RunResult]
    deadlines_s: tuple[float, ...] = ()
