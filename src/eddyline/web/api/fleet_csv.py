"""The reports of the fleet as tables: one row for each group and step, or for each group."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields, is_dataclass
from enum import StrEnum
from typing import Any

from eddyline.app.fleet.dashboard_reports import MachineRow, Range, Summary

Table = tuple[Sequence[str], Iterable[Sequence[object]]]
_TIMES = {"launched", "warned_at", "rebalance_at", "scale_in_at", "terminated"}


class Rows(StrEnum):
    """What the rows of a CSV are: the steps of each group, or the sums of each group."""

    STEPS = "steps"
    GROUPS = "groups"


def steps_table(span: Range, groups: Sequence[Any]) -> Table:
    """A row for each group and step; `groups` have `key` and `steps`, lists of one value for each step."""
    names = [each.name for each in fields(groups[0].steps)] if groups else []

    def rows() -> Iterator[Sequence[object]]:
        for group in groups:
            columns = [getattr(group.steps, name) for name in names]
            for at, values in zip(span.steps, zip(*columns, strict=True), strict=True):
                yield [group.key, iso(at), *values]

    return ["group", "step_start", *names], rows()


def groups_table(groups: Sequence[Any], *, without: Sequence[str] = ("steps", "points")) -> Table:
    """A row for each group, with the fields of nested values in columns such as `drained_s_p50`."""
    found = [dict(_flat(group, without)) for group in groups]
    header = list(found[0]) if found else ["key"]
    return header, [list(each.values()) for each in found]


def points_table(groups: Sequence[Any]) -> Table:
    """A row for each point of the survival curve of each group."""
    names = ("age_s", "survival", "low", "high", "at_risk", "interruptions")
    rows = (
        [group.key, *(getattr(point, name) for name in names)] for group in groups for point in group.points
    )
    return ["group", *names], rows


def summary_table(found: Summary) -> Table:
    """A row for each headline figure."""
    figures = [
        ("machines", found.machines),
        ("interruptions", found.interruptions),
        ("usage", found.usage),
        ("savings", found.savings),
        ("drains", found.drains),
        ("largest_reclaim", found.largest_reclaim),
        ("replacements", found.replacements),
        ("survival_median_s", found.survival_median_s),
        ("survival_at_60_min", found.survival_at_60_min),
        ("spot_target", found.spot_target),
    ]
    rows = [
        (f"{name}.{inner}", value)
        for name, report in figures
        if is_dataclass(report)
        for inner, value in _flat(report, ("steps", "key"))
    ]
    rows += [(name, value) for name, value in figures if not is_dataclass(value) and value is not None]
    return ["figure", "value"], rows


def machines_table(machines: Iterable[MachineRow]) -> Table:
    """A row for each machine; times are ISO 8601 (UTC)."""
    names = [each.name for each in fields(MachineRow)]

    def rows() -> Iterator[Sequence[object]]:
        for machine in machines:
            yield [
                iso(value) if name in _TIMES and value is not None else value
                for name, value in ((name, getattr(machine, name)) for name in names)
            ]

    return names, rows()


def iso(at: float) -> str:
    """A time as ISO 8601 in UTC, to the second."""
    return dt.datetime.fromtimestamp(round(at), dt.UTC).isoformat().replace("+00:00", "Z")


def _flat(report: Any, without: Sequence[str]) -> Iterator[tuple[str, object]]:  # noqa: ANN401 - a dataclass
    for each in fields(report):
        if each.name in without:
            continue
        value = getattr(report, each.name)
        if is_dataclass(value) and not isinstance(value, type):
            yield from ((f"{each.name}_{name}", inner) for name, inner in asdict(value).items())
        elif isinstance(value, tuple):
            yield each.name, " ".join(value)
        else:
            yield each.name, value
