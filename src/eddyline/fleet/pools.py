"""Pools of workers: which jobs each runs, and with how much capacity. Defined in `pools.yaml`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from eddyline.core import settings_file
from eddyline.core.errors import UnsupportedError, UsageError

BUILT_IN = Path(__file__).parent / "pools.yaml"
"""The pools file that is used where no other is configured."""

_REMEDY = "correct it; pools.yaml of the eddyline package is a complete example"
_MOST_POOLS = 32
_POOL_NAME = r"^[a-z][a-z0-9-]{0,19}$"  # part of the names of queues and services
_WORD = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$"


def _unique(given: object) -> object:
    if not isinstance(given, list):
        return given
    if not all(isinstance(each, str | int) for each in given):
        raise ValueError("expected a list of words, without nested lists or keys")
    if len({str(each) for each in given}) < len(given):
        raise ValueError("contains the same word twice")
    return frozenset(str(each) if isinstance(each, int) else each for each in given)


_PoolName = Annotated[str, Field(pattern=_POOL_NAME)]
_Word = Annotated[str, Field(pattern=_WORD)]
# YAML has no sets; a frozen model needs an immutable type.
_Words = Annotated[frozenset[_Word], BeforeValidator(_unique), Field(max_length=64)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Slot(_Section):
    """What one slot needs, that is, one job at a time; at most `most` slots on one machine."""

    vcpu: float = Field(ge=0.1, le=256)
    memory_mib: int = Field(ge=64, le=4_194_304)
    most: int = Field(default=64, ge=1, le=1024)


class JobLimits(_Section):
    """Limits of one job: time, address space of its programs (None: unlimited), size of its files."""

    wall_s: float = Field(default=3600.0, gt=0, le=86_400)
    memory_mib: int | None = Field(default=None, ge=64, le=4_194_304)
    scratch_gib: float = Field(default=20.0, gt=0, le=65_536)

    @property
    def min_free_gib(self) -> float:
        """The disk space that must be free before a job starts: few jobs use all of `scratch_gib`."""
        return self.scratch_gib / 10


class Capacity(_Section):
    """Machines, for Terraform and for scaling: `least` to `most` of them, of any instance type in `types`.

    `spot_percent` of them are Spot Instances; On-Demand ones after `on_demand_after_s` without Spot capacity.
    """

    least: int = Field(default=0, ge=0, le=100_000)
    most: int = Field(default=0, ge=0, le=100_000)
    spot_percent: int = Field(default=100, ge=0, le=100)
    on_demand_after_s: float = Field(default=300.0, ge=0, le=86_400)
    types: tuple[_Word, ...] = Field(default=(), max_length=64, strict=False)
    image: _Word = "cpu"

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least ({self.least}) is more than most ({self.most})")
        return self


class Pool(_Section):
    """A pool of workers. `codecs` names the FFmpeg encoder of each codec; `cost` is that of a slot-hour."""

    name: _PoolName
    description: str = Field(default="", max_length=400)
    kinds: _Words = Field(min_length=1)
    codecs: Mapping[_Word, _Word] = Field(default_factory=dict, max_length=32)
    encoders: _Words = frozenset()
    ffmpeg: Annotated[Path | None, Field(strict=False)] = None
    serves: tuple[_PoolName, ...] = Field(default=(), max_length=_MOST_POOLS, strict=False)
    cost: float = Field(gt=0, le=1_000_000)
    slot: Slot
    limits: JobLimits = JobLimits()
    capacity: Capacity = Capacity()

    @property
    def served(self) -> tuple[str, ...]:
        """The pools whose jobs its workers claim, its own first."""
        return tuple(dict.fromkeys((self.name, *self.serves)))

    @property
    def required_encoders(self) -> frozenset[str]:
        """The encoders that FFmpeg must have for the jobs of this pool."""
        return self.encoders | frozenset(self.codecs.values())

    @model_validator(mode="after")
    def _check_gpu_memory_limit(self) -> Self:
        gpu = sorted(encoder for encoder in self.required_encoders if encoder.endswith("_nvenc"))
        if gpu and self.limits.memory_mib is not None:
            raise ValueError(
                f"limits.memory_mib must be null in a pool with {gpu[0]}: it limits the address space, and a "
                "GPU driver reserves far more of it than there is memory"
            )
        return self

    def can_run(self, kind: str, codecs: Collection[str], encoders: Collection[str] = ()) -> bool:
        """Whether the pool runs jobs of `kind` that encode all of `codecs` and use all of `encoders`."""
        return (
            kind in self.kinds and set(codecs) <= set(self.codecs) and set(encoders) <= self.required_encoders
        )


class Pools(_Section):
    """All pools, by name."""

    pools: Mapping[str, Pool] = Field(min_length=1, max_length=_MOST_POOLS)

    @model_validator(mode="before")
    @classmethod
    def _set_names(cls, given: Any) -> Any:  # noqa: ANN401 - any YAML value
        found = given.get("pools") if isinstance(given, dict) else None
        if not isinstance(found, dict):
            return given
        named = {
            name: {**each, "name": name} if isinstance(each, dict) else each for name, each in found.items()
        }
        return {**given, "pools": named}

    @model_validator(mode="after")
    def _check_served(self) -> Self:
        for pool in self.pools.values():
            for other in pool.serves:
                if other not in self.pools:
                    raise ValueError(
                        f"pools.{pool.name}.serves names {other!r}, which is not a pool in this file"
                    )
        return self

    def __getitem__(self, name: str) -> Pool:
        """The pool of that name; raises `UsageError` naming those that exist."""
        try:
            return self.pools[name]
        except KeyError:
            raise UsageError(
                f"unknown pool {name!r}", remedy=f"choose one of {', '.join(self.pools)}"
            ) from None

    def required_encoders(self, name: str) -> frozenset[str]:
        """The encoders that the FFmpeg of a worker of pool `name` needs, for all pools that it serves."""
        return frozenset().union(*(self[each].required_encoders for each in self[name].served))


def load_pools(path: Path | None = None) -> Pools:
    """Load the pools of a file, or the built-in ones; raises `UsageError` naming file, key and rule."""
    path = path or BUILT_IN
    try:
        return Pools.model_validate(settings_file.parse_settings(path, remedy=_REMEDY))
    except ValidationError as error:
        raise UsageError(f"{path}: {settings_file.describe_errors(error)}", remedy=_REMEDY) from error


def cheapest_pool(kind: str, codecs: Collection[str], pools: Pools, encoders: Collection[str] = ()) -> Pool:
    """The cheapest pool for jobs of `kind` that encode `codecs`; of equal cost, the first one in the file.

    `encoders`: FFmpeg encoders that the jobs require. Raises `UnsupportedError` if none can run them.
    """
    able = [pool for pool in pools.pools.values() if pool.can_run(kind, codecs, encoders)]
    if not able:
        wanted = f" that encode {', '.join(sorted(codecs))}" if codecs else ""
        wanted += f" with {', '.join(sorted(encoders))}" if encoders else ""
        raise UnsupportedError(
            f"no pool runs {kind} jobs{wanted}",
            remedy="add the kind, codecs and encoders to one pool in pools.yaml",
        )
    return min(able, key=lambda pool: pool.cost)
