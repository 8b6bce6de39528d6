"""A file as `eddyline simulate --report` writes it, for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def interval(mean: float, half: float = 0.0) -> dict[str, float]:
    return {"mean": mean, "low": mean - half, "high": mean + half}


def policy(name: str = "eddyline", **figures: Any) -> dict[str, Any]:
    values = {
        "saved_own": interval(0.66, 0.02),
        "saved_best": interval(0.72, 0.01),
        "saved_published": None,
        "spot_share": interval(0.99, 0.01),
        "redone_share": interval(0.0004, 0.0001),
        "interruptions_per_hour": interval(0.8, 0.2),
        "p50_s": interval(180.0, 5.0),
        "p99_s": interval(890.0, 12.0),
        "backlog_s": 1350.0,
    }
    return {"name": name, "label": f"Eddyline, {name}", **values, **figures}


def write_simulation(path: Path, *policies: dict[str, Any], **values: Any) -> Path:
    content = {
        "format": "eddyline-simulation",
        "version": 1,
        "name": "calm",
        "created": "2026-11-30T19:00:00+00:00",
        "deadline": "15 min",
        "seeds": [1, 2, 3],
        "policies": list(policies) or [policy()],
        **values,
    }
    path.write_text(json.dumps(content), "utf-8")
    return path
