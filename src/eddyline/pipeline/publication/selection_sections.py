"""The sections of the manifest that describe what the analysis of a source chose."""

from __future__ import annotations

from typing import Any

from eddyline.media.ladder.ladder import Rung
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.selection import reason_for_fixed_crf

_DIGITS = 2


def smart(plan: Plan) -> dict[str, Any]:
    """The target and the rungs that are not encoded; empty if the profile fixes the CRFs."""
    settings = plan.profile.smart
    if settings is None:
        return {}
    dropped = {} if plan.selection is None else plan.selection.dropped
    return {
        "smart": {
            "target_vmaf": settings.target_vmaf,
            "dropped": [{"name": name, "reason": reason} for name, reason in dropped.items()],
        }
    }


def crf(plan: Plan, rung: Rung) -> dict[str, Any]:
    """The CRFs of a rendition, and what its probes let expect; empty if the profile fixes the CRFs."""
    if plan.profile.smart is None:
        return {}
    crfs, chunks = plan.crfs(rung), plan.chunks_of(rung.family)
    total = sum(each * chunk.frames for each, chunk in zip(crfs, chunks, strict=True))
    values: dict[str, Any] = {
        "min": min(crfs),
        "mean": round(total / sum(chunk.frames for chunk in chunks), _DIGITS),
        "max": max(crfs),
    }
    expected = None if plan.selection is None else plan.selection.expected.get(rung.name)
    if expected is None:
        return {"crf": {**values, "fixed": reason_for_fixed_crf(plan.facts.video, rung)}}
    return {"crf": {**values, "expected": expected}}
