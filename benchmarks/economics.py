"""Compares policies in generated markets and on recorded traces, and checks the goals of the default policy.

`python -m benchmarks.economics` prints the tables of docs/explanation/economics.md: all policies in each
market, and the goals with their figures. `--seeds N` (default 20), `--only NAME`, `--traces DIR` (the
recorded traces as CSV files; by default those of tests/shared_files.py), `--write FILE` (the tables as
Markdown). Half an hour on 2 idle cores with 20 seeds.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.shared_files import DATA

from eddyline.sim.comparison.compare import compare
from eddyline.sim.comparison.figures import Comparison, DeadlineFigures, PolicyFigures
from eddyline.sim.comparison.interval import Interval
from eddyline.sim.comparison.tables import COLUMNS, markdown, notes_of, rows_of, title_of
from eddyline.sim.market.file import write_market
from eddyline.sim.market.importers import ImportOptions, import_market
from eddyline.sim.scenario import POLICIES, Scenario

GENERATED = tuple(each for each in POLICIES if each != "on-demand-own")
"""The cheapest type On-Demand is one of the market's: `on-demand-own` is `on-demand-best` there."""
RECORDED = (
    "on-demand-own",
    "on-demand-best",
    "spot-naive",
    "aws-scaling",
    "aws-scaling-cheapest",
    "eddyline",
    "eddyline-uninterrupted",
)
OWN = ("on-demand-own", "eddyline", "eddyline-uninterrupted")
BEST = ("on-demand-best", "eddyline", "eddyline-uninterrupted")
TRACES = {"g4dn": "g4dn.xlarge", "p3": "p3.2xlarge"}


def generated(preset: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - keys of a scenario
    """A scenario on a generated market with the pools that are cheapest per frame."""
    market = {"generated": {"preset": preset, "lists": ["best-spot"]}}
    workload = {"hours": 6, **more.pop("workload", {})}
    return {"market": market, "policies": GENERATED, "workload": workload, **more}


def recorded(trace: str, rotations: int, load: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """A scenario on a trace; of six rotated pools, the fleet uses as much as of one."""
    return {
        "market": {"file": f"{trace}.json", "rotations": rotations},
        "workload": {"load": load},
        "policies": RECORDED,
        **more,
    }


SCENARIOS: Mapping[str, dict[str, Any]] = {
    "calm": generated("calm"),
    "choppy": generated("choppy"),
    "scarce": generated("scarce"),
    "dark": generated("dark"),
    "hostile": generated("hostile"),
    "calm, boot 60 s": generated("calm", boot_s=60, policies=BEST),
    "hostile, boot 60 s": generated("hostile", boot_s=60, policies=BEST),
    **{
        f"{preset}, {slots} slots": generated(preset, workload={"slots": slots}, policies=BEST)
        for preset in ("calm", "hostile")
        for slots in (25, 60, 160)
    },
    "hostile, no notices": generated("hostile", notice={"lead_s": 0}, policies=BEST),
    "choppy, daily curve": generated("choppy", workload={"shape": "daily", "hours": 24}, policies=BEST),
    **{f"g4dn, load {load:g}": recorded("g4dn", 1, load) for load in (0.3, 0.5, 0.7)},
    "p3, load 0.5": recorded("p3", 1, 0.5),
    "g4dn, six rotated pools": recorded("g4dn", 6, 0.5),
    "p3, six rotated pools": recorded("p3", 6, 0.5),
    "g4dn, no notices": recorded("g4dn", 1, 0.3, notice={"lead_s": 0}, policies=OWN),
    "p3, no notices": recorded("p3", 1, 0.5, notice={"lead_s": 0}, policies=OWN),
}

AWAY = {"dark", "g4dn, load 0.5", "g4dn, load 0.7"}
"""Where Spot is away for more than 10 % of the time, or lacks the capacity that the load needs."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A goal: where it holds, and the figure, which must be `at most` or `at least` the limit."""

    text: str
    limit: float
    at_most: bool
    scenarios: Callable[[str], bool]
    deadlines: tuple[str, ...]
    figure: Callable[[DeadlineFigures, PolicyFigures], Interval | None]


def _saved(key: str) -> Callable[[DeadlineFigures, PolicyFigures], Interval | None]:
    return lambda _, found: found.saved.get(key)


def _policy(found: DeadlineFigures, name: str) -> PolicyFigures | None:
    return next((each for each in found.policies if each.policy == name), None)


def _below(name: str) -> Callable[[DeadlineFigures, PolicyFigures], Interval | None]:
    def figure(deadline: DeadlineFigures, found: PolicyFigures) -> Interval | None:
        other = _policy(deadline, name)
        if other is None:
            return None
        low, mean, high = (
            1 - ours / theirs
            for ours, theirs in (
                (found.cost_usd.high, other.cost_usd.low),
                (found.cost_usd.mean, other.cost_usd.mean),
                (found.cost_usd.low, other.cost_usd.high),
            )
        )
        return Interval(mean, low, high)

    return figure


def _uninterrupted(deadline: DeadlineFigures, found: PolicyFigures) -> Interval | None:
    other = _policy(deadline, "eddyline-uninterrupted")
    if other is None:
        return None
    return Interval(
        *(
            each / other.cost_usd.mean
            for each in (found.cost_usd.mean, found.cost_usd.low, found.cost_usd.high)
        )
    )


def _share_gap(deadline: DeadlineFigures, found: PolicyFigures) -> Interval | None:
    oracle = deadline.oracle_spot_share
    if oracle is None:
        return None
    own = found.spot_share
    return Interval(*(oracle.mean - each for each in (own.mean, own.high, own.low)))


def _is_trace(name: str) -> bool:
    return name.startswith(("g4dn", "p3"))


def _is_small(name: str) -> bool:
    return name.endswith("slots")


def _usual(name: str) -> bool:
    """At least 200 slots, a boot of 180 s, and Spot that is rarely away."""
    return not _is_small(name) and "boot" not in name and name not in AWAY


ALL = ("tight", "15 min", "60 min")
GOALS: Sequence[Goal] = (
    Goal(
        text="saved against best, generated markets, tight", limit=0.70, at_most=False,
        scenarios=lambda name: name in {"calm", "choppy", "scarce", "hostile", "dark"},
        deadlines=("tight",), figure=_saved("best"),
    ),
    Goal(
        text="saved against best, generated markets, 15 min", limit=0.73, at_most=False,
        scenarios=lambda name: name in {"calm", "choppy", "scarce", "hostile", "dark"},
        deadlines=("15 min",), figure=_saved("best"),
    ),
    Goal(
        text="saved against the published classic list On-Demand", limit=0.85, at_most=False,
        scenarios=lambda name: name in {"calm", "choppy", "scarce", "hostile", "dark"},
        deadlines=ALL, figure=_saved("published_classic"),
    ),
    Goal(
        text="saved against the published attributes On-Demand", limit=0.85, at_most=False,
        scenarios=lambda name: name in {"calm", "choppy", "scarce", "hostile", "dark"},
        deadlines=ALL, figure=_saved("published_attributes"),
    ),
    Goal(
        text="below the published attributes on Spot, capacity-optimized", limit=0.55, at_most=False,
        scenarios=lambda name: name in {"calm", "choppy", "scarce", "hostile", "dark"},
        deadlines=ALL, figure=_below("published-attributes"),
    ),
    Goal(
        text="below the published classic list on Spot, capacity-optimized", limit=0.75, at_most=False,
        scenarios=lambda name: name in {"calm", "choppy", "scarce", "hostile", "dark"},
        deadlines=ALL, figure=_below("published-classic"),
    ),
    Goal(
        text="saved against own, six rotated pools (0.95 x the discount of 64 %)", limit=0.608, at_most=False,
        scenarios=lambda name: name == "g4dn, six rotated pools", deadlines=ALL, figure=_saved("own"),
    ),
    Goal(
        text="Spot share below the oracle's", limit=0.03, at_most=True,
        scenarios=lambda name: name not in AWAY, deadlines=ALL, figure=_share_gap,
    ),
    Goal(
        text="Spot share below the oracle's, Spot often away", limit=0.08, at_most=True,
        scenarios=lambda name: name in AWAY, deadlines=ALL, figure=_share_gap,
    ),
    Goal(
        text="Spot share, six rotated pools", limit=0.99, at_most=False,
        scenarios=lambda name: name.endswith("six rotated pools"), deadlines=ALL,
        figure=lambda _, found: found.spot_share,
    ),
    Goal(
        text="redone, with notices", limit=0.0005, at_most=True,
        scenarios=lambda name: "no notices" not in name, deadlines=ALL,
        figure=lambda _, found: found.redone_share,
    ),
    Goal(
        text="redone, without notices", limit=0.005, at_most=True,
        scenarios=lambda name: "no notices" in name, deadlines=ALL,
        figure=lambda _, found: found.redone_share,
    ),
    Goal(
        text="cost against the oracle, tight", limit=1.15, at_most=True,
        scenarios=_usual, deadlines=("tight",), figure=lambda _, found: found.oracle_ratio,
    ),
    Goal(
        text="cost against the oracle, tight, boot of 60 s", limit=1.10, at_most=True,
        scenarios=lambda name: "boot 60" in name, deadlines=("tight",),
        figure=lambda _, found: found.oracle_ratio,
    ),
    Goal(
        text="cost against the oracle, tight, 25 to 160 slots", limit=1.35, at_most=True,
        scenarios=_is_small, deadlines=("tight",), figure=lambda _, found: found.oracle_ratio,
    ),
    Goal(
        text="cost against the oracle, 15 min", limit=1.12, at_most=True,
        scenarios=_usual, deadlines=("15 min",), figure=lambda _, found: found.oracle_ratio,
    ),
    Goal(
        text="cost against the oracle, 60 min", limit=1.07, at_most=True,
        scenarios=_usual, deadlines=("60 min",), figure=lambda _, found: found.oracle_ratio,
    ),
    Goal(
        text="cost against the oracle, Spot often away", limit=1.20, at_most=True,
        scenarios=lambda name: name in AWAY, deadlines=ALL, figure=lambda _, found: found.oracle_ratio,
    ),
    Goal(
        text="cost against Spot that is never interrupted", limit=1.05, at_most=True,
        scenarios=lambda name: name not in AWAY, deadlines=ALL, figure=_uninterrupted,
    ),
)  # fmt: skip


def goal_rows(found: Mapping[str, Comparison]) -> list[tuple[str, ...]]:
    """Of each goal: its text, its limit, and the figures where it is met and missed."""
    rows: list[tuple[str, ...]] = []
    for goal in GOALS:
        met: list[tuple[Interval, str]] = []
        missed: list[tuple[Interval, str]] = []
        for name, comparison in found.items():
            for deadline in comparison.deadlines:
                ours = _policy(deadline, "eddyline")
                if ours is None or not goal.scenarios(name) or deadline.name not in goal.deadlines:
                    continue
                value = goal.figure(deadline, ours)
                if value is not None:
                    is_met = value.mean <= goal.limit if goal.at_most else value.mean >= goal.limit
                    (met if is_met else missed).append((value, f"{name}, {deadline.name}"))
        if met or missed:
            worst = (max if goal.at_most else min)([*met, *missed], key=lambda pair: pair[0].mean)
            sign = "at most" if goal.at_most else "at least"
            wrong = "; ".join(f"{where}: {value.mean:.4g}" for value, where in missed) or "none"
            rows.append(
                (
                    goal.text,
                    f"{sign} {goal.limit:g}",
                    f"{worst[0].mean:.4g} ({worst[0].low:.4g} to {worst[0].high:.4g}), {worst[1]}",
                    f"{len(met)} of {len(met) + len(missed)}",
                    wrong,
                )
            )
    return rows


def run(
    names: Sequence[str], seeds: int, traces: Path, done: Callable[[Mapping[str, Comparison], str], None]
) -> None:
    """Compare these scenarios; `done` gets all comparisons after each. Those without their trace are left
    out."""
    found: dict[str, Comparison] = {}
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as folder:
        present = {name for name in TRACES if _import(traces / f"{name}-trace.csv", Path(folder), name)}
        for name in names:
            if _is_trace(name) and name.split(",")[0] not in present:
                done(found, f"{name}: left out, no trace in {traces.name}")
                continue
            begun = time.perf_counter()
            plain = {"name": name, **SCENARIOS[name]}
            scenario = Scenario.model_validate(plain, strict=False)
            if scenario.market.file is not None:
                path = str(Path(folder) / scenario.market.file)
                market = scenario.market.model_copy(update={"file": path})
                scenario = scenario.model_copy(update={"market": market})
            found[name] = compare(scenario, seeds=range(1, seeds + 1), processes=os.cpu_count() or 1)
            done(found, f"{name}: {time.perf_counter() - begun:.0f} s")


def _import(trace: Path, folder: Path, name: str) -> bool:
    if not trace.exists():
        return False
    write_market(folder / f"{name}.json", import_market(trace, ImportOptions(name=name, type=TRACES[name])))
    return True


SUMMARY = (
    "market",
    "deadline",
    "saved/own",
    "saved/best",
    "saved/classic",
    "saved/attributes",
    "below published Spot",
    "below AWS scaling",
    "Spot share (oracle)",
    "redone",
    "oracle x",
    "never interrupted x",
    "p99 s",
)


def summary_rows(found: Mapping[str, Comparison]) -> list[tuple[str, ...]]:
    """The figures of the default policy: one row for each market and deadline.

    "below": how much less it costs than the published set-up (the cheaper one), and than the cheaper of the
    policies that AWS scales.
    """
    rows: list[tuple[str, ...]] = []
    for name, comparison in found.items():
        for deadline in comparison.deadlines:
            ours = _policy(deadline, "eddyline")
            if ours is None:
                continue
            oracle = deadline.oracle_spot_share
            kept = ("own", "best", "published_classic", "published_attributes")
            rows.append(
                (
                    name,
                    deadline.name,
                    *(_percent(ours.saved.get(key)) for key in kept),
                    _percent(_least_below(deadline, ours, ("published-classic", "published-attributes"))),
                    _percent(_least_below(deadline, ours, ("aws-scaling", "aws-scaling-cheapest"))),
                    f"{ours.spot_share.mean:.1%}" + (f" ({oracle.mean:.1%})" if oracle else ""),
                    f"{ours.redone_share.mean:.3%}",
                    _ratio(ours.oracle_ratio),
                    _ratio(_uninterrupted(deadline, ours)),
                    f"{ours.p99_s.mean:,.0f} of {deadline.deadline_s:,.0f}",
                )
            )
    return rows


def _least_below(deadline: DeadlineFigures, ours: PolicyFigures, names: Sequence[str]) -> Interval | None:
    values = [value for name in names if (value := _below(name)(deadline, ours)) is not None]
    return min(values, key=lambda each: each.mean, default=None)


def _percent(value: Interval | None) -> str:
    return "" if value is None else f"{value.mean:.1%}"


def _ratio(value: Interval | None) -> str:
    return "" if value is None else f"{value.mean:.3f}"


def text_of(found: Mapping[str, Comparison]) -> str:
    """All tables as Markdown."""
    goals = markdown(("goal", "limit", "worst figure", "met", "missed"), goal_rows(found))
    parts = ["## Goals of the default policy", goals, "## Summary", markdown(SUMMARY, summary_rows(found))]
    for name, comparison in found.items():
        parts.append(f"## {name}")
        parts.append("; ".join(f"{key}: {value}" for key, value in comparison.facts.items()))
        for deadline in comparison.deadlines:
            parts.append(f"### {title_of(deadline)}")
            parts.append(markdown(COLUMNS, rows_of(deadline)))
            parts += [f"- {note}" for note in notes_of(deadline)]
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Run the comparisons and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.economics")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", action="append", choices=list(SCENARIOS))
    parser.add_argument("--traces", type=Path, default=DATA / "traces")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args(arguments)
    texts = [""]

    def done(found: Mapping[str, Comparison], line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        texts[0] = text_of(found)
        if options.write:
            options.write.write_text(texts[0], "utf-8")

    run(options.only or list(SCENARIOS), options.seeds, options.traces, done)
    print(texts[0])


if __name__ == "__main__":
    main(sys.argv[1:])
