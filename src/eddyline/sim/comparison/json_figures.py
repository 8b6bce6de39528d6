"""The figures of a comparison as JSON."""

from __future__ import annotations

from typing import Any

from eddyline.sim.comparison.figures import Comparison, DeadlineFigures, PolicyFigures
from eddyline.sim.comparison.interval import Interval

FORMAT, VERSION = "eddyline-simulation", 1


def comparison_json(found: Comparison) -> dict[str, Any]:
    """The whole comparison; the same for the same scenario and seeds.

    Every figure is an object of `mean`, `low` and `high` (95 % confidence over the seeds), money is in
    dollars, shares are 0 to 1. `policies` at the top are those at the deadline `deadline`, for the fleet
    page.
    """
    shown = shown_deadline(found)
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": found.name,
        "seeds": list(found.seeds),
        "facts": dict(found.facts),
        "deadline": shown.name,
        "policies": [_policy(each) for each in shown.policies],
        "deadlines": [_deadline(each) for each in found.deadlines],
    }


def shown_deadline(found: Comparison) -> DeadlineFigures:
    """The deadline that stands for the comparison: 15 minutes if it is there, else the first."""
    return next((each for each in found.deadlines if each.name == "15 min"), found.deadlines[0])


def _deadline(found: DeadlineFigures) -> dict[str, Any]:
    return {
        "name": found.name,
        "deadline_s": found.deadline_s,
        "oracle": {
            "cost_usd": _interval(found.oracle_usd),
            "spot_share": _interval(found.oracle_spot_share),
            "missing": found.oracle_missing or None,
        },
        "unfinished": list(found.unfinished),
        "policies": [_policy(each) for each in found.policies],
    }


def _policy(found: PolicyFigures) -> dict[str, Any]:
    saved = found.saved
    published = [saved[key] for key in ("published_classic", "published_attributes") if key in saved]
    least = min(published, key=lambda each: each.mean, default=None)
    return {
        "name": found.policy,
        "label": found.label,
        "backlog_s": found.backlog_s,
        "meets_deadline": found.meets,
        "cost_usd": _interval(found.cost_usd),
        "billed_usd": _interval(found.billed_usd),
        "saved_own": _interval(saved.get("own")),
        "saved_best": _interval(saved.get("best")),
        "saved_published": _interval(least),
        "saved_published_classic": _interval(saved.get("published_classic")),
        "saved_published_attributes": _interval(saved.get("published_attributes")),
        "oracle_ratio": _interval(found.oracle_ratio),
        "spot_share": _interval(found.spot_share),
        "redone_share": _interval(found.redone_share),
        "p50_s": _interval(found.p50_s),
        "p99_s": _interval(found.p99_s),
        "interruptions_per_hour": _interval(found.interruptions_per_h),
        "launches": _interval(found.launches),
    }


def _interval(found: Interval | None) -> dict[str, float] | None:
    return None if found is None else found.as_json()
