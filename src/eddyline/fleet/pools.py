"""Worker classes: what each can run, and how much at a time. `pools.yaml` is the one truth of capacity."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from eddyline.core import settings_file
from eddyline.core.errors import UnsupportedError, UsageError

BUILT_IN = Path(__file__).parent / "pools.yaml"
"""The classes of those who name no file of their own."""

_REMEDY = "correct it; pools.yaml of the eddyline package is a complete example"
_MOST_POOLS = 32
_CLASS = r"^[a-z][a-z0-9-]{0,19}$"  # part of queues' and services' names
_WORD = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$"


def _unique(given: object) -> object:
    if not isinstance(given, list):
        return given
    if not all(isinstance(each, str | int) for each in given):
        raise ValueError("a list of words is expected, without further lists or keys in it")
    if len({str(each) for each in given}) < len(given):
        raise ValueError("the same word twice")
    return frozenset(str(each) if isinstance(each, int) else each for each in given)


_ClassName = Annotated[str, Field(pattern=_CLASS)]
_Word = Annotated[str, Field(pattern=_WORD)]
# YAML has no sets, and a model that is frozen should hold nothing that is not.
_Words = Annotated[frozenset[_Word], BeforeValidator(_unique), Field(max_length=64)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Slot(_Section):
    """What one job at a time needs; `most` slots on one machine, however large."""

    vcpu: float = Field(ge=0.1, le=256)
    memory_mib: int = Field(ge=64, le=4_194_304)
    most: int = Field(default=64, ge=1, le=1024)


class JobLimits(_Section):
    """Bounds of one job: time, address space of its programs (None: unbounded), room for its files."""

    wall_s: float = Field(default=3600.0, gt=0, le=86_400)
    memory_mib: int | None = Field(default=None, ge=64, le=4_194_304)
    scratch_gib: float = Field(default=20.0, gt=0, le=65_536)

    @property
    def room_gib(self) -> float:
        """What must be free before a job starts: hardly any takes all that it may."""
        return self.scratch_gib / 10


class Capacity(_Section):
    """Machines, for Terraform and for scaling: between `least` and `most` of them, of any of `types`.

    `spot_percent` of them on Spot; if there is no Spot capacity for `on_demand_after_s`, on demand.
    """

    least: int = Field(default=0, ge=0, le=100_000)
    most: int = Field(default=0, ge=0, le=100_000)
    spot_percent: int = Field(default=100, ge=0, le=100)
    on_demand_after_s: float = Field(default=300.0, ge=0, le=86_400)
    types: tuple[_Word, ...] = Field(default=(), max_length=64, strict=False)
    image: _Word = "cpu"

    @model_validator(mode="after")
    def _has_an_order(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least ({self.least}) is more than most ({self.most})")
        return self


class Pool(_Section):
    """One worker class. `codecs` names the FFmpeg encoder for each codec; `cost` is that of a slot's hour."""

    name: _ClassName
    description: str = Field(default="", max_length=400)
    kinds: _Words = Field(min_length=1)
    codecs: Mapping[_Word, _Word] = Field(default_factory=dict, max_length=32)
    encoders: _Words = frozenset()
    ffmpeg: Annotated[Path | None, Field(strict=False)] = None
    serves: tuple[_ClassName, ...] = Field(default=(), max_length=_MOST_POOLS, strict=False)
    cost: float = Field(gt=0, le=1_000_000)
    slot: Slot
    limits: JobLimits = JobLimits()
    capacity: Capacity = Capacity()

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes whose jobs its workers claim, its own first."""
        return tuple(dict.fromkeys((self.name, *self.serves)))

    @property
    def required_encoders(self) -> frozenset[str]:
        """The encoders without which FFmpeg is of no use to this class alone."""
        return self.encoders | frozenset(self.codecs.values())

    @model_validator(mode="after")
    def _leaves_a_gpu_its_addresses(self) -> Self:
        gpu = sorted(encoder for encoder in self.required_encoders if encoder.endswith("_nvenc"))
        if gpu and self.limits.memory_mib is not None:
            raise ValueError(
                f"limits.memory_mib is null in a class with {gpu[0]}: it bounds address space, of which a "
                "GPU's driver reserves far more than there is memory"
            )
        return self

    def can_run(self, kind: str, codecs: Collection[str], encoders: Collection[str] = ()) -> bool:
        """Whether it runs jobs of `kind` that encode all of `codecs`, and that use all of `encoders`."""
        return (
            kind in self.kinds and set(codecs) <= set(self.codecs) and set(encoders) <= self.required_encoders
        )


class Pools(_Section):
    """All classes, by name."""

    pools: Mapping[str, Pool] = Field(min_length=1, max_length=_MOST_POOLS)

    @model_validator(mode="before")
    @classmethod
    def _name_each(cls, given: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
        found = given.get("pools") if isinstance(given, dict) else None
        if not isinstance(found, dict):
            return given
        named = {
            name: {**each, "name": name} if isinstance(each, dict) else each for name, each in found.items()
        }
        return {**given, "pools": named}

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for pool in self.pools.values():
            for other in pool.serves:
                if other not in self.pools:
                    raise ValueError(f"pools.{pool.name}.serves names {other!r}, which is no class here")
        return self

    def __getitem__(self, name: str) -> Pool:
        """A class by its name; raises `UsageError` naming those that there are."""
        try:
            return self.pools[name]
        except KeyError:
            raise UsageError(
                f"there is no worker class {name!r}", remedy=f"choose one of {', '.join(self.pools)}"
            ) from None

    def required_encoders(self, name: str) -> frozenset[str]:
        """What FFmpeg must have for a worker of class `name`: for its own jobs and for those it serves."""
        return frozenset().union(*(self[each].required_encoders for each in self[name].classes))


def load_pools(path: Path | None = None) -> Pools:
    """The classes in a file, or the built-in ones; raises `UsageError` naming file, key and rule."""
    path = path or BUILT_IN
    try:
        return Pools.model_validate(settings_file.parse_settings(path, remedy=_REMEDY))
    except ValidationError as error:
        raise UsageError(f"{path}: {settings_file.describe_errors(error)}", remedy=_REMEDY) from error


def cheapest_pool(kind: str, codecs: Collection[str], pools: Pools, encoders: Collection[str] = ()) -> Pool:
    """The class that jobs of `kind` which encode `codecs` go to; of equal cost, the one named first.

    `encoders`: those of FFmpeg that the jobs insist on. Raises `UnsupportedError` if no class can.
    """
    able = [pool for pool in pools.pools.values() if pool.can_run(kind, codecs, encoders)]
    if not able:
        wanted = f" that encode {', '.join(sorted(codecs))}" if codecs else ""
        wanted += f" with {', '.join(sorted(encoders))}" if encoders else ""
        raise UnsupportedError(
            f"no worker class runs {kind} jobs{wanted}",
            remedy="add the kind, or the codecs and encoders, to one class in pools.yaml",
        )
    return min(able, key=lambda pool: pool.cost)
