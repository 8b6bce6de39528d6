"""The section `workload` of a scenario: its keys, their defaults and bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from eddyline.core.settings_file import KeyedValueError, Section
from eddyline.sim.workload.encode_speed import REFERENCE_ENCODE_FPS, measured_encode_fps

Shape = Literal["constant", "daily", "weekly", "seasonal"]

_DEFAULT_HOURS = 12.0
_MAX_HOURS = 400 * 24.0
_HOUR_S = 3600.0
_Ratio = Annotated[float, Field(ge=1, le=20)]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class Sizes(Section):
    """The lengths of sources: lognormal around `median_minutes`, and at most `most_minutes`.

    By default like clips of cameras: half of them last less than 1.5 minutes, and a few an hour.
    """

    median_minutes: float = Field(default=1.5, gt=0, le=6000)
    sigma: float = Field(default=1.1, ge=0, le=3)
    most_minutes: float = Field(default=60.0, gt=0, le=6000)

    @model_validator(mode="after")
    def _median_fits(self) -> Self:
        if self.median_minutes > self.most_minutes:
            raise KeyedValueError(("most_minutes",), "must be at least median_minutes")
        return self


class Codec(Section):
    """The share of assets with a codec (relative to the others), and the factor of their encode time."""

    share: float = Field(default=1.0, gt=0, le=1e6)
    factor: float = Field(default=1.0, gt=0, le=100)


class Owners(Section):
    """Who submits: `count` owners, the k-th with a share of 1/k**`zipf`; the k-th has the k-th priority.

    If there are fewer priorities than owners, they repeat.
    """

    count: int = Field(default=1, ge=1, le=100_000)
    zipf: float = Field(default=1.0, ge=0, le=5)
    priorities: tuple[Annotated[int, Field(ge=0, le=9999)], ...] = Field(
        default=(0,), min_length=1, max_length=100, strict=False
    )


class PeakToMean(Section):
    """The greatest rate divided by the mean one, over a day, a week and a year."""

    day: _Ratio = 2.0
    week: _Ratio = 1.3
    year: _Ratio = 1.5


class PeakAt(Section):
    """When the peaks are: hours, and days for the week and the year, after the start of the scenario."""

    day_h: float = Field(default=6.0, ge=0, le=24)
    week_d: float = Field(default=5.5, ge=0, le=7)
    year_d: float = Field(default=180.0, ge=0, le=366)


class Bursts(Section):
    """`every_h` hours, for `length_s` seconds, the rate is multiplied by `factor`."""

    every_h: float = Field(gt=0, le=_MAX_HOURS)
    factor: float = Field(default=5.0, ge=1, le=1000)
    length_s: float = Field(default=600.0, gt=0)

    @model_validator(mode="after")
    def _ends_before_the_next(self) -> Self:
        if self.length_s > self.every_h * _HOUR_S:
            raise KeyedValueError(("length_s",), "must be at most the time between bursts, every_h")
        return self


class Workload(Section):
    """The work of a scenario. See docs/reference/scenarios.md.

    The mean work over the scenario is `load` x `slots` reference slots. With `recorded`, arrivals are read
    from a file, and the keys that describe rates, sizes and owners have no effect.
    """

    slots: float = Field(default=200.0, gt=0, le=1e7)
    load: float = Field(default=0.5, gt=0, le=100)
    hours: float | None = Field(default=None, gt=0, le=_MAX_HOURS)
    shape: Shape = "constant"
    peak_to_mean: PeakToMean = PeakToMean()
    peak_at: PeakAt = PeakAt()
    bursts: Bursts | None = None
    sizes: Sizes = Sizes()
    chunk_s: float = Field(default=40.0, ge=1, le=36_000)
    chunk_sigma: float = Field(default=0.2, ge=0, le=2)
    codecs: dict[_Name, Codec] = Field(default={"h264": Codec()}, min_length=1, max_length=20)
    owners: Owners = Owners()
    frames_per_second: float = Field(default=60.0, gt=0, le=1000)
    encode_speed: float | None = Field(default=None, gt=0, le=1e6)
    scale_by: str | None = Field(default=None, min_length=1, max_length=4096)
    recorded: str | None = Field(default=None, min_length=1, max_length=4096)

    @model_validator(mode="after")
    def _one_speed(self) -> Self:
        if self.encode_speed is not None and self.scale_by is not None:
            raise KeyedValueError(("scale_by",), "is for a measured speed: remove it, or encode_speed")
        return self

    def beside(self, directory: Path) -> Self:
        """The same workload; its relative paths of files are taken from `directory`."""
        paths = {"scale_by": self.scale_by, "recorded": self.recorded}
        return self.model_copy(
            update={key: str(directory / path) for key, path in paths.items() if path is not None}
        )

    def end_s(self, market_end_s: float | None = None) -> float:
        """The length of the scenario in seconds: `hours`, or else the market's, or else 12 hours."""
        if self.hours is not None:
            return self.hours * _HOUR_S
        return _DEFAULT_HOURS * _HOUR_S if market_end_s is None else market_end_s

    def encode_fps(self) -> float:
        """The frames a second that a reference slot encodes; raises `UsageError` for a bad `scale_by`."""
        if self.scale_by is not None:
            return measured_encode_fps(Path(self.scale_by))
        return REFERENCE_ENCODE_FPS if self.encode_speed is None else self.encode_speed

    def work_per_minute(self) -> float:
        """The reference slot-seconds that one minute of source takes, at a codec factor of 1."""
        return 60.0 * self.frames_per_second / self.encode_fps()

    def chunks_per_minute(self) -> float:
        """The chunks in one minute of source, at a codec factor of 1."""
        return self.work_per_minute() / self.chunk_s
