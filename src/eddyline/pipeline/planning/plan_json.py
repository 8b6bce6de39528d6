"""A plan as JSON values, in which form it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from eddyline.core.numbers import parse_rational
from eddyline.media.ladder.chunks import Chunk, Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.source import SourceFacts
from eddyline.pipeline.planning.preview import Preview
from eddyline.pipeline.planning.selection import Selection

if TYPE_CHECKING:
    from eddyline.pipeline.planning.plan import Plan


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """A dict of JSON values."""
    return {
        "asset": plan.asset,
        "name": plan.name,
        "facts": plan.facts.to_json(),
        "profile": plan.profile.model_dump(mode="json"),
        "rungs": [rung.to_json() for rung in plan.rungs],
        "grid": {**asdict(plan.grid), "fps": str(plan.grid.fps)},
        "chunks": [
            [chunk.start, chunk.stop, chunk.family, *([chunk.rung] if chunk.rung else [])]
            for chunk in plan.chunks
        ],
        "toolchain": plan.toolchain,
        "source": plan.source,
        "preview": plan.preview and plan.preview.to_json(),
        **({} if plan.selection is None else {"selection": plan.selection.to_json()}),
    }


def plan_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the plan that `plan_to_json` wrote."""
    return {
        "asset": values["asset"],
        "name": values["name"],
        "facts": SourceFacts.from_json(values["facts"]),
        "profile": Profile.model_validate(values["profile"]),
        "rungs": tuple(Rung.from_json(rung) for rung in values["rungs"]),
        "grid": Grid(**{**values["grid"], "fps": parse_rational(values["grid"]["fps"])}),
        "chunks": tuple(
            Chunk(
                index=index,
                start=start,
                stop=stop,
                **dict(zip(("family", "rung"), names, strict=False)),
                fields=values["rungs"][0].get("fields", 1),
            )
            for index, (start, stop, *names) in enumerate(values["chunks"])
        ),
        "toolchain": values["toolchain"],
        "source": values["source"],
        "preview": Preview.from_json(values["preview"]) if values.get("preview") else None,
        "selection": Selection.from_json(values["selection"]) if values.get("selection") else None,
    }
