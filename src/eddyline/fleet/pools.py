"""Pools of workers: which jobs each runs, and with how much capacity. Defined in `pools.yaml`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from eddyline.core.errors import UnsupportedError, UsageError
from eddyline.core.settings_file import KeyedValueError, Section, read_settings
from eddyline.fleet.capacity import Capacity
from eddyline.fleet.capacity_checks import ON_GPU, check_capacity
from eddyline.fleet.instance_types import Architecture

BUILT_IN = Path(__file__).parent / "pools.yaml"
"""The pools file that is used where no other is configured."""

_REMEDY = "correct it; pools.yaml of the eddyline package is a complete example"
_MOST_POOLS = 32
POOL_NAME = r"^[a-z][a-z0-9-]{0,19}$"  # part of the names of queues and services
_WORD = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$"


def _unique(given: object) -> object:
    if not isinstance(given, list):
        return given
    if not all(isinstance(each, str | int) for each in given):
        raise ValueError("expected a list of words, without nested lists or keys")
    if len({str(each) for each in given}) < len(given):
        raise ValueError("contains the same word twice")
    return frozenset(str(each) if isinstance(each, int) else each for each in given)


_PoolName = Annotated[str, Field(pattern=POOL_NAME)]
_Word = Annotated[str, Field(pattern=_WORD)]
# YAML has no sets; a frozen model needs an immutable type, whose order differs from process to process.
_Words = Annotated[
    frozenset[_Word],
    Field(max_length=64),
    BeforeValidator(_unique),
    PlainSerializer(sorted, return_type=list[str], when_used="json"),
]


class Slot(Section):
    """What one slot needs, that is, one job at a time; at most `most` slots on one machine."""

    vcpu: float = Field(ge=0.1, le=256, description="processors; a container's share counts")
    memory_mib: int = Field(
        ge=64,
        le=4_194_304,
        description="memory; 256 MiB of the machine are reserved for the worker and the system",
    )
    most: int = Field(default=64, ge=1, le=1024, description="maximum number of slots on one machine")
    encoder_sessions: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="sessions of hardware encoders on one machine, one for each rung of a running chunk; "
        "null: no limit",
    )


class JobLimits(Section):
    """Limits of one job: time, address space of its programs (None: unlimited), size of its files."""

    wall_s: float = Field(
        default=3600.0, gt=0, le=86_400, description="seconds for all programs of one job together"
    )
    memory_mib: int | None = Field(
        default=None,
        ge=64,
        le=4_194_304,
        description="address space of each program of a job, in MiB; null: the limit of the step",
    )
    scratch_gib: float = Field(
        default=20.0,
        gt=0,
        le=65_536,
        description="size of the files of one job, in GiB; a program that exceeds it is stopped",
    )

    @property
    def min_free_gib(self) -> float:
        """The disk space that must be free before a job starts: few jobs use all of `scratch_gib`."""
        return self.scratch_gib / 10


class Pool(Section):
    """A pool of workers. `codecs` names the FFmpeg encoder of each codec; `cost` is that of a slot-hour."""

    name: _PoolName
    description: str = Field(default="", max_length=400, description="free text")
    kinds: _Words = Field(min_length=1, description="kinds of jobs it runs; at least one")
    codecs: Mapping[_Word, _Word] = Field(
        default_factory=dict,
        max_length=32,
        description="codecs of its chunks, and the FFmpeg encoder of each: `{h264: libx264}`",
    )
    encoders: _Words = Field(
        default=frozenset(),
        description="further encoders that its jobs need: for audio and images, or those that profiles name",
    )
    ffmpeg: Annotated[Path | None, Field(strict=False)] = Field(
        default=None, description="path of this pool's FFmpeg; null: `EDDYLINE_FFMPEG`, or the packaged one"
    )
    arch: Architecture = Field(
        default="x86_64", description="processor architecture of its machines: `x86_64` or `arm64`"
    )
    gpu: Literal["nvidia"] | None = Field(
        default=None, description="`nvidia` if its machines have a GPU: selects image and drivers"
    )
    serves: tuple[_PoolName, ...] = Field(
        default=(),
        max_length=_MOST_POOLS,
        strict=False,
        description="other pools, of the same `arch`, whose jobs its workers also claim, with its own FFmpeg",
    )
    cost: float = Field(
        gt=0, le=1_000_000, description="cost of one slot for an hour, relative to the other pools"
    )
    slot: Slot = Field(description="what one job at a time needs")
    limits: JobLimits = Field(default=JobLimits(), description="limits of one job")
    capacity: Capacity = Field(
        default=Capacity(), description="machines on AWS, for Terraform and for scaling"
    )

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
        gpu = sorted(encoder for encoder in self.required_encoders if encoder.endswith(ON_GPU))
        if gpu and self.limits.memory_mib is not None:
            raise KeyedValueError(
                ("limits", "memory_mib"),
                f"must be null in a pool with {gpu[0]}: it limits the address space, and a GPU driver "
                "reserves far more of it than there is memory",
            )
        return self

    @model_validator(mode="after")
    def _check_capacity(self) -> Self:
        check_capacity(
            self.capacity,
            arch=self.arch,
            gpu=self.gpu,
            encoders=self.required_encoders,
            slot_vcpu=self.slot.vcpu,
            slot_memory_mib=self.slot.memory_mib,
            min_free_gib=self.limits.min_free_gib,
        )
        return self

    def can_run(self, kind: str, codecs: Collection[str], encoders: Collection[str] = ()) -> bool:
        """Whether the pool runs jobs of `kind` that encode all of `codecs` and use all of `encoders`."""
        return (
            kind in self.kinds and set(codecs) <= set(self.codecs) and set(encoders) <= self.required_encoders
        )


class Pools(Section):
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
            for place, other in enumerate(pool.serves):
                key = ("pools", pool.name, "serves", place)
                if other not in self.pools:
                    raise KeyedValueError(key, f"{other!r} is not a pool in this file")
                if (arch := self.pools[other].arch) != pool.arch:
                    raise KeyedValueError(
                        key,
                        f"{other!r} is of arch {arch} and this pool of {pool.arch}: their FFmpeg builds "
                        "differ; remove it, and give this pool its own kinds",
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
    """Load the pools of a file, or the built-in ones; raises `UsageError` with file, line, key and rule."""
    return _built_in_pools() if path is None else read_settings(path, remedy=_REMEDY).validate(Pools)


@cache
def _built_in_pools() -> Pools:
    return read_settings(BUILT_IN, remedy=_REMEDY).validate(Pools)


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
