"""The machines of a pool: the `capacity` section of `pools.yaml`, read by Eddyline and by Terraform.

All capacity is in vCPU. A pool has two Auto Scaling groups: one of Spot Instances, one On-Demand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from eddyline.core.settings_file import KeyedValueError, Section
from eddyline.fleet.instance_types import TYPE_PATTERN

MAX_VCPU = 1_000_000
_REPLACED_KEYS = {
    "least": "min_vcpu (in vCPU, not machines)",
    "most": "max_vcpu (in vCPU, not machines)",
    "spot_percent": "max_vcpu (Spot) and on_demand.max_vcpu",
    "on_demand_after_s": "on_demand.after_s",
}
_REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]+"
_ZONE = rf"^{_REGION}(?:-[a-z]{{2,4}}-[0-9]+)?[a-z]$"  # us-east-1a; a Local Zone: us-west-2-lax-1a
_IOPS_PER_GIB = 500
_THROUGHPUT_PER_IOPS = 0.25


def _check_types(given: object) -> object:
    if isinstance(given, list):
        raise ValueError(  # noqa: TRY004 - pydantic expects ValueError
            "maps each instance type to its vCPU, such as {r5b.4xlarge: 16}; a list is the earlier format"
        )
    return given


def _check_zone(given: object) -> object:
    if isinstance(given, str) and "-az" in given:
        raise ValueError(f"{given!r} is the ID of a zone; use the zone's name, such as us-east-1a")
    return given


def _check_unique(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("contains the same word twice")
    return given


# The bounds stand before the validators, so that they are in the JSON Schema.
_Vcpu = Annotated[int, Field(ge=0, le=MAX_VCPU)]
_Type = Annotated[str, Field(pattern=TYPE_PATTERN)]
_Weight = Annotated[int, Field(ge=1, le=999)]  # the range of a weighted capacity in EC2 Auto Scaling
_Glob = Annotated[str, Field(pattern=r"^[A-Za-z0-9.*-]{1,30}$")]
_Zone = Annotated[str, Field(pattern=_ZONE), BeforeValidator(_check_zone)]
_Manufacturer = Literal["amd", "intel", "amazon-web-services"]
# 0 to 999999, as in EC2 Auto Scaling, where 999999 means no limit.
_PricePercent = Annotated[int, Field(ge=0, le=999_999)]
# YAML has lists; a frozen model needs an immutable type.
_Globs = Annotated[tuple[_Glob, ...], Field(max_length=400, strict=False), AfterValidator(_check_unique)]
_Zones = Annotated[tuple[_Zone, ...], Field(max_length=16, strict=False), AfterValidator(_check_unique)]
_Manufacturers = Annotated[
    tuple[_Manufacturer, ...], Field(max_length=3, strict=False), AfterValidator(_check_unique)
]
_Types = Annotated[Mapping[_Type, _Weight], Field(max_length=40), BeforeValidator(_check_types)]


class _Range(Section):
    min: int
    max: int

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.min > self.max:
            raise KeyedValueError(("min",), f"min ({self.min}) is more than max ({self.max})")
        return self


class MemoryRange(_Range):
    """The memory of a machine, in MiB."""

    min: int = Field(ge=1, le=33_554_432, description="minimum, in MiB")
    max: int = Field(ge=1, le=33_554_432, description="maximum, in MiB")


class VcpuRange(_Range):
    """The vCPU of a machine."""

    min: int = Field(ge=1, le=999, description="minimum")
    max: int = Field(ge=1, le=999, description="maximum")


class Requirements(Section):
    """Attributes of instance types (attribute-based selection of EC2 Auto Scaling); AWS finds the types."""

    memory_mib: MemoryRange = Field(description="memory of a machine: `{min, max}`, in MiB")
    vcpu: VcpuRange = Field(description="vCPU of a machine: `{min, max}`")
    cpu_manufacturers: _Manufacturers = Field(
        default=(), description="`amd`, `intel`, `amazon-web-services`; empty: all of the architecture"
    )
    excluded_types: _Globs = Field(
        default=(), description="instance types never used; `*` stands for any characters"
    )


class Spot(Section):
    """Options of the Spot group."""

    strategy: Literal["capacity-optimized", "price-capacity-optimized"] = Field(
        default="capacity-optimized",
        description="allocation strategy: `capacity-optimized` or `price-capacity-optimized`",
    )
    max_price_percent: _PricePercent = Field(
        default=100,
        description="price protection with `requirements`: types above the lowest Spot price plus this "
        "percentage are not used",
    )


class OnDemand(Section):
    """Options of the On-Demand group."""

    min_vcpu: _Vcpu = Field(default=0, description="vCPU that always run On-Demand (the base)")
    max_vcpu: _Vcpu = Field(default=0, description="maximum vCPU On-Demand; 0: no On-Demand Instances")
    after_s: int = Field(
        default=600, ge=60, le=86_400, description="seconds without Spot capacity before it replaces Spot"
    )
    max_price_percent: _PricePercent = Field(
        default=20,
        description="price protection with `requirements`: types above the lowest On-Demand price plus this "
        "percentage are not used",
    )

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.min_vcpu > self.max_vcpu:
            raise KeyedValueError(
                ("min_vcpu",), f"min_vcpu ({self.min_vcpu}) is more than max_vcpu ({self.max_vcpu})"
            )
        return self


class Scratch(Section):
    """The scratch volume of a machine: encrypted, of type gp3, deleted with the machine."""

    gib: int = Field(default=200, ge=1, le=16_384, description="size, in GiB")
    iops: int = Field(default=3000, ge=3000, le=16_000, description="operations per second")
    throughput: int = Field(default=250, ge=125, le=1000, description="throughput, in MiB/s")

    @model_validator(mode="after")
    def _check_ratios(self) -> Self:
        if self.iops > max(3000, self.gib * _IOPS_PER_GIB):
            raise KeyedValueError(("iops",), f"gp3 allows {_IOPS_PER_GIB} per GiB: lower iops or raise gib")
        if self.throughput > self.iops * _THROUGHPUT_PER_IOPS:
            raise KeyedValueError(
                ("throughput",), "gp3 allows 0.25 MiB/s per operation: lower throughput or raise iops"
            )
        return self


class Capacity(Section):
    """The machines of a pool; without `requirements` and `types` it has none on AWS."""

    min_vcpu: _Vcpu = Field(default=0, description="minimum vCPU of the Spot group")
    max_vcpu: _Vcpu = Field(default=0, description="maximum vCPU of the Spot group")
    requirements: Requirements | None = Field(
        default=None, description="attributes of instance types; AWS chooses all that match"
    )
    types: _Types = Field(
        default_factory=dict,
        description="instance types in place of `requirements`, each with its vCPU: `{r5b.4xlarge: 16}`",
    )
    zones: _Zones = Field(default=(), description="names of Availability Zones; empty: all of the subnets'")
    spot: Spot = Field(default=Spot(), description="options of the Spot group")
    on_demand: OnDemand = Field(default=OnDemand(), description="options of the On-Demand group")
    rebalance: Literal["avoid", "replace"] = Field(
        default="avoid",
        description="what a rebalance recommendation causes. `avoid`: the worker takes no new work; "
        "`replace`: the machine is also replaced",
    )
    max_replacements_per_hour: int = Field(
        default=6, ge=0, le=1000, description="limit of `rebalance: replace`"
    )
    scaling: Literal["aws", "eddyline"] = Field(
        default="aws",
        description="what scales the groups: policies of AWS (`aws`), or the coordinators (`eddyline`)",
    )
    target_backlog_s: int = Field(
        default=300,
        ge=30,
        le=86_400,
        description="target: seconds of work per vCPU in service; with `scaling: eddyline`: seconds in which "
        "capacity beyond the rate of arrivals does the waiting work",
    )
    deadline_s: int = Field(
        default=900,
        ge=60,
        le=604_800,
        description="`scaling: eddyline`: seconds within which an asset should be ready; On-Demand replaces "
        "missing Spot when it would be late (in place of `on_demand.after_s`)",
    )
    predictive: bool = Field(default=False, description="predictive scaling from earlier days")
    warm_pool: bool = Field(
        default=False,
        description="must be `false`: AWS keeps no warm pool for Spot Instances or weighted groups",
    )
    stop_s: int = Field(
        default=110, ge=10, le=110, description="seconds from SIGTERM to SIGKILL if no scale-in is known"
    )
    hook_s: int = Field(
        default=900, ge=30, le=7200, description="seconds that running jobs have when a machine is scaled in"
    )
    scratch: Scratch = Field(default=Scratch(), description="scratch volume of a machine (encrypted gp3)")
    image: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$")] = Field(
        default="cpu", description="container image: a directory of `infra/docker`"
    )

    @property
    def has_machines(self) -> bool:
        """Whether the pool may have machines on AWS."""
        return self.max_vcpu > 0 or self.on_demand.max_vcpu > 0

    @model_validator(mode="before")
    @classmethod
    def _refuse_replaced_keys(cls, given: Any) -> Any:  # noqa: ANN401 - any YAML value
        old = [key for key in _REPLACED_KEYS if isinstance(given, dict) and key in given]
        if old:
            news = "; ".join(f"for {key} use {_REPLACED_KEYS[key]}" for key in old)
            raise KeyedValueError((old[0],), f"keys of the earlier format: {news}")
        return given

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        if self.min_vcpu > self.max_vcpu:
            raise KeyedValueError(
                ("min_vcpu",), f"min_vcpu ({self.min_vcpu}) is more than max_vcpu ({self.max_vcpu})"
            )
        if self.requirements is not None and self.types:
            raise KeyedValueError(("types",), "requirements and types exclude each other: remove one")
        if self.has_machines and self.requirements is None and not self.types:
            raise ValueError("needs requirements or types, because max_vcpu allows machines")
        if self.predictive and self.scaling != "aws":
            raise KeyedValueError(("predictive",), "is a policy of AWS Auto Scaling: remove it, or scaling")
        if self.warm_pool:
            raise KeyedValueError(
                ("warm_pool",),
                "must be false: AWS keeps no warm pool for groups that launch Spot Instances or have weights",
            )
        return self

    @model_validator(mode="after")
    def _check_largest_machine(self) -> Self:
        largest = self.requirements.vcpu.max if self.requirements else max(self.types.values(), default=0)
        groups = ((("max_vcpu",), self.max_vcpu), (("on_demand", "max_vcpu"), self.on_demand.max_vcpu))
        for key, most in groups:
            if 0 < most < largest:
                raise KeyedValueError(
                    key,
                    f"{most} is less than the vCPU of one machine ({largest}): raise it, or use 0",
                )
        return self

    @model_validator(mode="after")
    def _check_zones(self) -> Self:
        regions = {found[0] for zone in self.zones if (found := re.match(_REGION, zone))}
        if len(regions) > 1:
            raise KeyedValueError(
                ("zones",), f"zones of {' and '.join(sorted(regions))}: a group is in one region"
            )
        return self
