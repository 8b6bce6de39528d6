"""The kinds of jobs, one row each: their order, cost, output and place among the other jobs of an asset.

A new kind is one row here, one module in `pipeline/steps` and one line in `pipeline/steps/table.py`. Which
pool runs a kind is configuration: `kinds` in pools.yaml.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, get_args

Stage = Literal["inspect", "encode", "assemble", "package", "publish"]
"""The stages that users see, in order."""

_STAGES: Final[tuple[str, ...]] = get_args(Stage)


class Per(StrEnum):
    """What there is one job of the kind for."""

    SOURCE = "source"
    ANALYSIS = "analysis of some chunks of a source whose CRFs are to be found"
    DRAFT = "source whose CRFs are to be found"
    ASSET = "asset"
    ASSET_WITH_SUBTITLES = "asset whose source has subtitles"
    PACKAGED_ASSET = "asset whose profile asks for HLS and DASH"
    AUDIO_RENDITION = "audio rendition"
    CHUNK = "chunk"
    PREVIEW = "asset with a preview that starts before its audio is encoded"
    PREVIEW_EXTENSION = "extension of a preview"
    RUNG = "rung"
    QUALITY = "40 CPU seconds of measuring the quality"


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """One kind of job.

    `priority`: lower first. `dependencies` are kinds; all jobs of the asset of those kinds must be done
    first. A job weighs `weight`, plus `weight_per_frame` for each frame of its chunk or else of the source,
    in frames' worth of encoding (for the progress display). `output_directory` is the directory of the asset
    that the part's files are published to ("": the asset's root; None: they are not published).

    `planned`: the job is part of the complete plan; inspection and analysis, which make the plan, are not.
    `internal`: the job runs after publication, and users do not wait for it. `publishes`: the asset is
    published once the job is done. `encodes_video`: the job's pool must have the encoders of its codec
    family, and one build of FFmpeg makes all jobs of the family.
    """

    name: str
    priority: int
    stage: Stage = "encode"
    per: Per = Per.ASSET
    dependencies: tuple[str, ...] = ()
    weight: float = 0.0
    weight_per_frame: float = 0.0
    output_directory: str | None = None
    planned: bool = True
    internal: bool = False
    publishes: bool = False
    encodes_video: bool = False


# Priorities: the poster and the preview are what users look for first; long serial jobs (audio is one
# thread) go before the many chunks; jobs that complete an asset go before those that start the next one.
_ROWS = (
    JobKind(name="inspect", priority=20, stage="inspect", per=Per.SOURCE, weight=5.0, planned=False),
    JobKind(
        name="analyze",
        priority=19,
        stage="inspect",
        per=Per.ANALYSIS,
        weight_per_frame=0.12,
        planned=False,
    ),
    JobKind(
        name="ladder",
        priority=18,
        stage="inspect",
        per=Per.DRAFT,
        dependencies=("analyze",),
        weight=1.0,
        planned=False,
    ),
    JobKind(name="poster", priority=0, weight=5.0, output_directory="pictures/"),
    JobKind(name="pictures", priority=15, weight=30.0, output_directory="pictures/"),
    JobKind(name="telemetry", priority=10, weight=2.0, output_directory="telemetry/"),
    JobKind(name="samples", priority=16, weight=20.0),
    JobKind(
        name="subtitles",
        priority=10,
        per=Per.ASSET_WITH_SUBTITLES,
        weight=2.0,
        output_directory="subtitles/",
    ),
    JobKind(name="chunk", priority=30, per=Per.CHUNK, weight_per_frame=1.0, encodes_video=True),
    JobKind(name="preview", priority=1, per=Per.PREVIEW, dependencies=("chunk",), weight=5.0),
    JobKind(
        name="audio",
        priority=10,
        per=Per.AUDIO_RENDITION,
        dependencies=("preview",),
        weight_per_frame=0.02,
        output_directory="audio/",
    ),
    JobKind(
        name="extend",
        priority=2,
        per=Per.PREVIEW_EXTENSION,
        dependencies=("chunk", "preview", "audio"),
        weight=5.0,
    ),
    JobKind(
        name="assemble",
        priority=5,
        stage="assemble",
        per=Per.RUNG,
        dependencies=("chunk", "audio", "subtitles", "samples"),
        weight_per_frame=0.01,
        output_directory="renditions/",
    ),
    JobKind(
        name="package",
        priority=4,
        stage="package",
        per=Per.PACKAGED_ASSET,
        dependencies=("assemble", "preview", "extend"),
        weight_per_frame=0.02,
        output_directory="",
    ),
    JobKind(
        name="quality",
        priority=4,
        stage="package",
        per=Per.QUALITY,
        dependencies=("assemble",),
        weight_per_frame=0.08,
    ),
    JobKind(
        name="publish",
        priority=3,
        stage="publish",
        dependencies=("poster", "pictures", "telemetry", "package", "assemble", "quality"),
        weight=5.0,
        publishes=True,
    ),
    JobKind(name="tidy", priority=20, stage="publish", dependencies=("publish",), weight=0.1, internal=True),
)
JOB_KINDS: Final = {row.name: row for row in _ROWS}
"""Every kind by its name; a kind stands after those that it depends on."""

# A ledger may hold kinds of a newer version. They count as ordinary work.
_UNKNOWN: Final = JobKind(name="", priority=0)


def job_kind(name: str) -> JobKind:
    """The row of a kind; for an unknown kind, a row with default values."""
    return JOB_KINDS.get(name, _UNKNOWN)


def furthest_stage(stages: Iterable[str]) -> str:
    """The last of some stages, at least one, in the order in which assets pass them."""
    return max(stages, key=_STAGES.index)
