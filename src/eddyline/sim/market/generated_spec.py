"""The section of a scenario that generates a market: which pools, and how hostile they are.

A preset gives every key a value; keys that the scenario gives replace those of the preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from eddyline.core.settings_file import Section
from eddyline.fleet.instance_types import TYPE_PATTERN
from eddyline.sim.market.parse import MAX_UNITS

Preset = Literal["calm", "choppy", "scarce", "dark", "hostile"]
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "calm": {},
    "choppy": {"hazard_scale": 20.0, "wave_every_h": 12.0},
    "scarce": {"scarcity": 0.15},
    "dark": {"scarcity": 0.4, "dark_together": 0.2},
    "hostile": {"hazard_per_hour": 0.3, "early": 0.0, "late": 0.0},
}
"""What each preset sets: the bands as they are; 20 times the bands and waves; pools that are dark 15 % of the
time; pools that are dark 40 % of the time, half of it all together; the hazard of the GPU traces."""

_Type = Annotated[str, Field(pattern=TYPE_PATTERN)]
_List = Annotated[str, Field(pattern=r"^[a-z-]{1,30}$")]


class GeneratedMarket(Section):
    """A market to generate: each of `types`, and of the types in `lists` of the table, in `zones` zones."""

    preset: Preset = "calm"
    types: Annotated[tuple[_Type, ...], Field(max_length=500, strict=False)] = ()
    lists: Annotated[tuple[_List, ...], Field(max_length=20, strict=False)] = ()
    zones: int = Field(default=3, ge=1, le=20)
    units: int = Field(default=100, ge=1, le=MAX_UNITS, description="the most instances of a pool")
    hazard_scale: float = Field(default=1.0, ge=0, le=1e6, description="factor of the hazard of the bands")
    hazard_per_hour: float | None = Field(
        default=None, ge=0, le=3600, description="the flat hazard of all pools, instead of that of the bands"
    )
    early: float = Field(default=3.0, ge=0, le=1000, description="early hazard, in multiples of the flat one")
    early_s: float = Field(default=600.0, gt=0, le=1e7)
    late: float = Field(default=0.5, ge=0, le=1000, description="late hazard, in multiples of the flat one")
    late_s: float = Field(default=86_400.0, gt=0, le=1e8)
    wave_every_h: float | None = Field(
        default=None, ge=0.1, le=1e5, description="mean hours between two waves that reach a pool"
    )
    wave_share: float = Field(default=0.5, gt=0, le=1, description="share of the instances a wave reclaims")
    scarcity: float = Field(
        default=0.0, ge=0, le=0.95, description="share of the time a pool has no capacity"
    )
    dark_together: float = Field(
        default=0.0, ge=0, le=0.95, description="share of the time no pool has capacity; part of scarcity"
    )
    dark_mean_s: float = Field(default=1800.0, ge=60, le=1e7, description="mean seconds without capacity")

    @model_validator(mode="before")
    @classmethod
    def _add_preset(cls, given: Any) -> Any:  # noqa: ANN401 - any YAML value
        if not isinstance(given, Mapping):
            return given
        preset = given.get("preset", "calm")
        return {**PRESETS.get(preset, {}), **given} if isinstance(preset, str) else given

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.types and not self.lists:
            raise ValueError("names neither types nor lists")
        if self.dark_together > self.scarcity:
            raise ValueError("dark_together is part of scarcity and cannot be more")
        return self
