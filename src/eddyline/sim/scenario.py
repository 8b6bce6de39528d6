"""The file of a scenario: what is simulated, with a default for every key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from eddyline.core.settings_file import KeyedValueError, Section, read_settings
from eddyline.fleet.instance_types import TYPE_PATTERN
from eddyline.sim.market.generated_spec import GeneratedMarket
from eddyline.sim.market.market import NoticeModel
from eddyline.sim.types import TypeFigures
from eddyline.sim.workload.workload import Workload

REMEDY = "see docs/reference/scenarios.md for the keys of a scenario"
POLICIES = (
    "on-demand-own",
    "on-demand-best",
    "on-demand-classic",
    "on-demand-attributes",
    "spot-naive",
    "published-classic",
    "published-attributes",
    "aws-scaling",
    "aws-scaling-cheapest",
    "eddyline",
    "eddyline-uninterrupted",
)
TIGHT = "tight"
_PathText = Annotated[str, Field(min_length=1, max_length=4096)]
_TypeName = Annotated[str, Field(pattern=TYPE_PATTERN)]
_Minutes = Annotated[float, Field(gt=0, le=10_080)]
Engine = Literal["exact", "aggregate", "ledger"]


class MarketSection(Section):
    """Where Spot capacity comes from: a file, or a generated market (the default, `calm`).

    `units`: the instances for which a unit of the file stands; by default so many that the market can hold a
    fleet of `workload.slots`. `rotations`: each pool of the file becomes as many, shifted in time.
    """

    file: _PathText | None = None
    units: int | None = Field(default=None, ge=1, le=100_000)
    rotations: int = Field(default=1, ge=1, le=100)
    generated: GeneratedMarket | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.file is not None and self.generated is not None:
            raise KeyedValueError(("generated",), "give a file or a generated market, not both")
        if self.file is None and (self.units is not None or self.rotations != 1):
            raise KeyedValueError(
                ("units" if self.units is not None else "rotations",), "is for a market in a file"
            )
        return self

    def spec(self) -> GeneratedMarket:
        """The generated market."""
        return self.generated or GeneratedMarket(preset="calm", lists=("best-spot",))


class NoticeSection(Section):
    """The interruption notices: `lead_s` before the end, 0: none; shares that are `absent` or `late`."""

    lead_s: float = Field(default=120.0, ge=0, le=3600)
    absent: float = Field(default=0.0, ge=0, le=1)
    late: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.absent + self.late > 1:
            raise KeyedValueError(("late",), "absent and late together are at most 1")
        return self

    def model(self) -> NoticeModel:
        """As the engines use it."""
        return NoticeModel(lead_s=self.lead_s, absent=self.absent, late=self.late)


class TypeSection(Section):
    """An instance type that the table does not have, or other figures of one that it has."""

    vcpu: int = Field(default=4, ge=1, le=4096)
    on_demand_usd_h: float = Field(default=1.0, gt=0, le=10_000)
    discount: float = Field(default=0.64, ge=0, lt=1)
    band: int = Field(default=4, ge=0, le=4)
    fps_per_vcpu: float | None = Field(default=None, gt=0, le=1e6)

    def figures(self, name: str) -> TypeFigures:
        """As the simulator uses it."""
        return TypeFigures(
            name=name,
            vcpu=self.vcpu,
            memory_gib=None,
            on_demand_usd_h=self.on_demand_usd_h,
            spot_usd_h=self.on_demand_usd_h * (1 - self.discount),
            band=self.band,
            fps_per_vcpu=self.fps_per_vcpu,
            gpu=False,
            arch="x86_64",
        )


class PricesSection(Section):
    """Files of figures instead of the table: see `eddyline fleet plan`."""

    instance_types: _PathText
    on_demand: _PathText
    advisor: _PathText
    throughput: _PathText
    region: str = Field(default="us-east-1", pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")


class Scenario(Section):
    """A scenario. `deadlines`: "tight" (On-Demand's own p99), or minutes."""

    name: str = Field(default="", max_length=100)
    market: MarketSection = MarketSection()
    workload: Workload = Workload()
    notice: NoticeSection = NoticeSection()
    types: dict[_TypeName, TypeSection] = Field(default={}, max_length=1000)
    prices: PricesSection | None = None
    boot_s: float = Field(default=180.0, ge=0, le=3600)
    slot_vcpu: int = Field(default=2, ge=1, le=256)
    deadlines: Annotated[tuple[Literal["tight"] | _Minutes, ...], Field(strict=False)] = ("tight", 15.0, 60.0)
    policies: Annotated[tuple[str, ...], Field(strict=False)] = POLICIES
    seeds: int = Field(default=5, ge=1, le=1000)
    engine: Engine = "exact"
    oracle: bool = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        for number, each in enumerate(self.policies):
            if each not in POLICIES:
                raise KeyedValueError(("policies", number), f"one of {', '.join(POLICIES)}")
        if not self.policies or not self.deadlines:
            raise KeyedValueError(("policies" if not self.policies else "deadlines",), "is empty")
        return self


def read_scenario(path: Path) -> Scenario:
    """The scenario of a YAML file; relative paths in it are relative to the file.

    Raises `UsageError` that names line and key.
    """
    file = read_settings(path, remedy=REMEDY, label="scenario ")
    scenario = file.validate(Scenario, {} if file.value is None else file.value)
    folder = path.parent
    market = scenario.market
    if market.file is not None:
        market = market.model_copy(update={"file": str(folder / market.file)})
    prices = scenario.prices
    if prices is not None:
        names = ("instance_types", "on_demand", "advisor", "throughput")
        prices = prices.model_copy(update={name: str(folder / getattr(prices, name)) for name in names})
    return scenario.model_copy(
        update={
            "name": scenario.name or path.stem[:100],
            "market": market,
            "prices": prices,
            "workload": scenario.workload.beside(folder),
        }
    )
