"""What a worker of one pool does on one machine: read from pools.yaml, verified before the worker starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.core.processes.runner import Runner
from eddyline.fleet.encoder_check import check_encoders
from eddyline.fleet.pools import JobLimits, Pools
from eddyline.fleet.slots import Resources, slot_count
from eddyline.media.ladder.encoders import ENCODERS, find_encoder
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.runtime.disk_space import free_gib


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What one worker does: jobs of the pools `pools`, `slots` at a time, with `ffmpeg` (None: default).

    `encoders` are those that this FFmpeg must have, `limits` the limits of one job, by its pool.
    `encoder_sessions` bounds the hardware encoders of all jobs together (None: it does not).
    """

    pool: str
    pools: tuple[str, ...]
    slots: int
    ffmpeg: Path | None
    encoders: frozenset[str]
    limits: Mapping[str, JobLimits]
    encoder_sessions: int | None = None

    def verify(self, ffmpeg: Path, scratch: Path, runner: Runner) -> None:
        """Encode a short test with each encoder, and check the free space of the scratch directory.

        `ffmpeg` is the program that was found for `self.ffmpeg`. Raises `UnsupportedError` naming the
        encoders that fail, `UsageError` for a disk that is too small.
        """
        check_encoders(ffmpeg, self.encoders, pool=self.pool, runner=runner)
        needed = max(limits.min_free_gib for limits in self.limits.values())
        free = free_gib(scratch)
        if free < needed:
            raise UsageError(
                f"a job of pool {self.pool} may need {needed:g} GiB in {scratch}; only {free:.1f} are free",
                remedy="use another work directory or disk, or lower limits.scratch_gib in pools.yaml",
            )


def assign(
    pools: Pools, name: str, resources: Resources, *, ffmpeg: Path | None = None, slots: int | None = None
) -> Assignment:
    """The assignment of a worker of pool `name` on a machine with `resources`.

    `ffmpeg` is the setting, for pools without a build of their own. `slots`: None for as many as fit. Raises
    `UsageError` for an unknown pool, for a machine that is too small, and for a kind of job or an encoder
    that Eddyline does not know.
    """
    pool = pools[name]
    for each in pool.served:
        _check_kinds(each, pools[each].kinds)
        _check_codecs(each, pools[each].codecs)
    return Assignment(
        pool=name,
        pools=pool.served,
        slots=slots or slot_count(resources, pool),
        ffmpeg=pool.ffmpeg or ffmpeg,
        encoders=pools.required_encoders(name),
        limits={each: pools[each].limits for each in pool.served},
        encoder_sessions=pool.slot.encoder_sessions,
    )


def _check_kinds(name: str, kinds: Collection[str]) -> None:
    unknown = sorted(set(kinds) - set(JOB_KINDS))
    if unknown:
        raise UsageError(
            f"pool {name}: unknown job kinds: {', '.join(unknown)}",
            remedy=f"correct kinds in pools.yaml; the kinds are {', '.join(sorted(JOB_KINDS))}",
        )


def _check_codecs(name: str, codecs: Mapping[str, str]) -> None:
    for codec, encoder in codecs.items():
        try:
            find_encoder(codec, encoder)
        except (KeyError, ValueError):
            known = ", ".join(f"{row.name} ({row.codec})" for row in ENCODERS.values())
            raise UsageError(
                f"pool {name}: Eddyline cannot assemble {codec} video of the encoder {encoder}",
                remedy=f"correct codecs in pools.yaml; the supported encoders are {known}",
            ) from None
