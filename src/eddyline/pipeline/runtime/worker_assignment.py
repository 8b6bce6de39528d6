"""What a worker of one class is to do on one machine: decided from pools.yaml, proven before it starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.core.process import Runner
from eddyline.fleet.encoder_check import check_encoders
from eddyline.fleet.pools import JobLimits, Pools
from eddyline.fleet.slots import Machine, slot_count
from eddyline.media.ladder.encoders import ENCODERS, find_encoder
from eddyline.pipeline.planning.plan import KINDS
from eddyline.pipeline.runtime.disk_space import free_gib


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A worker's part: `pools` to claim jobs of, how many at a time, with which FFmpeg (None: the wheel's).

    `encoders` are those that this FFmpeg must have, `limits` the bounds of one job, by its class.
    """

    pool: str
    pools: tuple[str, ...]
    slots: int
    ffmpeg: Path | None
    encoders: frozenset[str]
    limits: Mapping[str, JobLimits]

    def prove(self, ffmpeg: Path, scratch: Path, runner: Runner) -> None:
        """Encode a little with each encoder, and see that there is room for a job in the work folder.

        `ffmpeg` is the program that was found for `self.ffmpeg`. Raises `UnsupportedError` naming the
        encoders that cannot, `UsageError` for a disk too small.
        """
        check_encoders(ffmpeg, self.encoders, pool=self.pool, runner=runner)
        needed = max(limits.room_gib for limits in self.limits.values())
        free = free_gib(scratch)
        if free < needed:
            raise UsageError(
                f"a job of class {self.pool} may need {needed:g} GiB in {scratch}; {free:.1f} are free",
                remedy="use another work folder or a larger disk, or lower limits.scratch_gib in pools.yaml",
            )


def assign(
    pools: Pools, name: str, machine: Machine, *, ffmpeg: Path | None = None, slots: int | None = None
) -> Assignment:
    """What a worker of class `name` does on `machine`. `ffmpeg` is the setting, for classes without a build.

    `slots`: so many rather than as many as fit. Raises `UsageError` for an unknown class, for a machine too
    small, and for a kind of job or an encoder that Eddyline does not know.
    """
    pool = pools[name]
    for each in pool.classes:
        _check_kinds(each, pools[each].kinds)
        _check_codecs(each, pools[each].codecs)
    return Assignment(
        pool=name,
        pools=pool.classes,
        slots=slots or slot_count(machine, pool),
        ffmpeg=pool.ffmpeg or ffmpeg,
        encoders=pools.required_encoders(name),
        limits={each: pools[each].limits for each in pool.classes},
    )


def _check_kinds(name: str, kinds: Collection[str]) -> None:
    unknown = sorted(set(kinds) - KINDS)
    if unknown:
        raise UsageError(
            f"class {name}: there are no jobs of kind {', '.join(unknown)}",
            remedy=f"correct kinds in pools.yaml; there are {', '.join(sorted(KINDS))}",
        )


def _check_codecs(name: str, codecs: Mapping[str, str]) -> None:
    for codec, encoder in codecs.items():
        try:
            find_encoder(codec, encoder)
        except (KeyError, ValueError):
            known = ", ".join(f"{row.name} ({row.codec})" for row in ENCODERS.values())
            raise UsageError(
                f"class {name}: Eddyline does not know how to join what {encoder} encodes as {codec}",
                remedy=f"correct codecs in pools.yaml; it knows {known}",
            ) from None
