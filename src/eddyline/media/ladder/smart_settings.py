"""The settings of a profile whose CRFs are found for each source, rung and chunk."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from eddyline.core.settings_file import Section

_Height = Annotated[int, Field(ge=16, le=8640)]


class SmartSettings(Section):
    """Find the CRF of each rung and chunk that gives a mean VMAF of `target_vmaf`.

    The CRF of a rung is at most `max_decrease` below and `max_increase` above its `crf`. The rungs of the
    profile are candidates. Going down from the largest one, each must need at least `min_step` times fewer
    bits than the one above, unless that left a step of more than `max_step`; `max_rungs` limits the number of
    rungs of a codec family. `min_top_height`: the largest rung may be dropped if its maximum rate is far too
    low for the target, but not if it is the last one with so many lines (None: it is kept).
    `min_bottom_height`: smaller rungs are dropped. `forced_heights`: rungs of these heights are kept.
    """

    target_vmaf: float = Field(default=93.0, ge=50, le=99)
    max_decrease: int = Field(default=8, ge=0, le=40)
    max_increase: int = Field(default=16, ge=0, le=40)
    min_step: float = Field(default=1.5, ge=1, le=4)
    max_step: float = Field(default=2.0, ge=1, le=16)
    max_rungs: Annotated[int, Field(ge=1, le=16)] | None = None
    min_top_height: _Height | None = None
    min_bottom_height: _Height | None = None
    forced_heights: tuple[_Height, ...] = Field(default=(), max_length=16, strict=False)

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        if self.min_step > self.max_step:
            raise ValueError("min_step must not be larger than max_step")
        return self
