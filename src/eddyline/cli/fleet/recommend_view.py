"""Recommended pools as text and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eddyline.cli.terminal import console
from eddyline.core.formatting import printable

if TYPE_CHECKING:
    from eddyline.app.fleet.plan import CatalogueFiles
    from eddyline.app.fleet.recommend import RecommendedPools, RecommendOptions
    from eddyline.sim.comparison.interval import Interval
    from eddyline.sim.recommend.evaluate import PlanFigures


def recommend(options: RecommendOptions, files: CatalogueFiles, *, as_json: bool) -> None:
    """Simulate and print; progress goes to the terminal's error output."""
    from eddyline.app.fleet.recommend import recommend_pools

    progress = Console(stderr=True)

    def report(line: str) -> None:
        if progress.is_terminal:
            progress.print(Text(f"simulated {printable(line)}", style="dim"), soft_wrap=True)

    found = recommend_pools(options, files, report)
    if as_json:
        typer.echo(recommendation_json(found))
    else:
        print_recommendation(console(), found)


def print_recommendation(screen: Console, found: RecommendedPools) -> None:
    """Print the plan, what else was simulated, and the section for pools.yaml."""
    from eddyline.sim.recommend.pool_section import HEADROOM, on_demand_limit, pool_section, spot_limit

    best = found.found.best
    plan, pool = best.plan, best.plan.candidate.pool
    screen.print(Text.assemble((pool.name, "bold"), f"  {pool.arch}, deadline {plan.deadline_s / 60:g} min"))
    usd = best.monthly_usd
    rows = (
        ("types", ", ".join(f"{each.name} ({each.vcpu})" for each in plan.candidate.types)),
        ("max_vcpu", f"Spot {spot_limit(best):,}, On-Demand {on_demand_limit(best):,}"),
        ("target", f"target_backlog_s {plan.backlog_s:g}"),
        ("cost", f"${usd.mean:,.0f} a month for machines (${usd.low:,.0f} to ${usd.high:,.0f})"),
        ("ready", f"p50 {_minutes(best.p50_s.mean)}, p99 {_minutes(best.p99_s.mean)}"),
        ("on Spot", f"{best.spot_share.mean:.1%} of the work"),
    )
    facts = Table.grid(padding=(0, 1))
    facts.add_column(width=11, no_wrap=True)
    facts.add_column(overflow="fold")
    for label, value in rows:
        facts.add_row(Text(f"  {label}", style="dim"), printable(value))
    screen.print(facts)
    screen.print()
    screen.print(_others(found))
    screen.print()
    screen.print(Text("Replace this section of pools.yaml:", style="bold"))
    screen.print(Text(pool_section(best)), soft_wrap=True)
    for text in _assumptions(found, HEADROOM):
        screen.print(Text(text, style="dim"))


def _others(found: RecommendedPools) -> Table:
    """The other plans that were simulated, the cheapest first."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, heading in enumerate(("also simulated", "types", "deadline", "$ a month", "p99", "on Spot")):
        table.add_column(heading, justify="right" if number else "left")
    shown = sorted((*found.found.others, *found.elsewhere), key=lambda each: each.monthly_usd.mean)
    for each in shown:
        table.add_row(
            printable(each.plan.candidate.pool.name),
            str(len(each.plan.candidate.types)),
            f"{each.plan.deadline_s / 60:g} min",
            f"{each.monthly_usd.mean:,.0f}",
            _minutes(each.p99_s.mean),
            f"{each.spot_share.mean:.1%}",
        )
    return table


def _assumptions(found: RecommendedPools, headroom: float) -> list[str]:
    load, best = found.load, found.found.best
    engine = "exact" if load.exact else "aggregate"
    part = "" if load.parts <= 1 else f"; one part in {load.parts:.3g} of it is simulated"
    return [
        f"Load: {load.clips_per_day:,.0f} clips a day, {load.end_s / 3600:g} h, {engine} engine{part}.",
        f"Prices: {printable(found.prices)}.",
        f"Market: generated, {found.market}. {len(best.runs)} seeds, 95 % interval; other plans: one seed.",
        f"Limits are {headroom:g} times the most that ran. Scaled by Eddyline's scaler.",
        "Without storage, transfer, requests and the fixed costs of `eddyline fleet plan`.",
    ]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


def recommendation_json(found: RecommendedPools) -> str:
    """Everything as JSON; times in seconds, costs in dollars a month."""
    from eddyline.sim.recommend.pool_section import recommended_pool

    best = found.found.best
    name = best.plan.candidate.pool.name
    return json.dumps(
        {
            "recommended": _plan_json(best),
            "pools": {name: recommended_pool(best)},
            "others": [_plan_json(each) for each in (*found.found.others, *found.elsewhere)],
            "load": {
                "clips_per_day": found.load.clips_per_day,
                "hours": found.load.end_s / 3600,
                "engine": "exact" if found.load.exact else "aggregate",
                "parts": found.load.parts,
            },
            "market": found.market,
            "prices": found.prices,
        },
        indent=2,
    )


def _plan_json(found: PlanFigures) -> dict[str, object]:
    plan = found.plan

    def interval(value: Interval) -> dict[str, float]:
        return value.as_json()

    return {
        "pool": plan.candidate.pool.name,
        "types": [each.name for each in plan.candidate.types],
        "deadline_s": plan.deadline_s,
        "target_backlog_s": plan.backlog_s,
        "seeds": len(found.runs),
        "monthly_usd": interval(found.monthly_usd),
        "p50_s": interval(found.p50_s),
        "p99_s": interval(found.p99_s),
        "spot_share": interval(found.spot_share),
        "peak_spot_vcpu": found.spot_vcpu,
        "peak_on_demand_vcpu": found.on_demand_vcpu,
    }
