"""The figures of a comparison as rows of text, for the terminal, the report and the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.sim.comparison.figures import DeadlineFigures, PolicyFigures
from eddyline.sim.comparison.interval import Interval

COLUMNS = (
    "policy",
    "cost $",
    "saved/own",
    "saved/best",
    "saved/publ.",
    "oracle x",
    "Spot",
    "redone",
    "p50 s",
    "p99 s",
    "launches",
)


def rows_of(found: DeadlineFigures) -> list[tuple[str, ...]]:
    """One row for each policy, and one for the oracle."""
    rows = [_row(each) for each in found.policies]
    if found.oracle_usd is not None and found.oracle_spot_share is not None:
        share = _percent(found.oracle_spot_share)
        rows.append(("oracle", _money(found.oracle_usd), "", "", "", "1.000", share, "", "", "", ""))
    return rows


def notes_of(found: DeadlineFigures) -> list[str]:
    """What a reader should know about the rows."""
    notes = [
        f"{each.label}: its p99 of {each.p99_s.mean:,.0f} s misses the deadline"
        for each in found.policies
        if not each.meets
    ]
    notes += [f"{policy}: its capacity never does the work" for policy in found.unfinished]
    if found.oracle_missing:
        notes.append(f"no figures of the oracle: {found.oracle_missing}")
    return notes


def title_of(found: DeadlineFigures) -> str:
    """The deadline in words."""
    if found.name == "tight":
        return f"tight: ready as fast as On-Demand, p99 within {found.deadline_s:,.0f} s"
    return f"deadline of {found.name}: p99 within {found.deadline_s:,.0f} s"


def _row(found: PolicyFigures) -> tuple[str, ...]:
    saved = found.saved
    published = [saved[key] for key in ("published_classic", "published_attributes") if key in saved]
    return (
        found.label,
        _money(found.cost_usd),
        _percent(saved.get("own")),
        _percent(saved.get("best")),
        _percent(min(published, key=lambda each: each.mean, default=None)),
        "" if found.oracle_ratio is None else f"{found.oracle_ratio.mean:.3f}{_half(found.oracle_ratio, 3)}",
        _percent(found.spot_share),
        f"{found.redone_share.mean:.3%}",
        f"{found.p50_s.mean:,.0f}",
        f"{found.p99_s.mean:,.0f}",
        f"{found.launches.mean:,.0f}",
    )


def _money(value: Interval) -> str:
    return f"{value.mean:,.2f}{_half(value, 2)}"


def _percent(value: Interval | None) -> str:
    if value is None:
        return ""
    half = (value.high - value.low) / 2
    return f"{value.mean:.1%}" + (f" ±{100 * half:.1f}" if half else "")


def _half(value: Interval, digits: int) -> str:
    half = (value.high - value.low) / 2
    return f" ±{half:.{digits}f}" if half else ""


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
