"""The CRFs and rungs that an analysis has chosen for a source, and the jobs of that analysis.

A plan whose profile has `smart` is a draft at first: its only jobs are those of the analysis, one or a few
for each codec family. The job `ladder` reads their probes, chooses the CRF of each rung and chunk and the
rungs to keep, and completes the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eddyline.media.crf_search.probe_runs import is_searchable, job_count, probe_count
from eddyline.media.ladder.chunks import Chunk
from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import Rung
from eddyline.media.quality.comparison import is_measurable
from eddyline.media.quality.report import HDR, SPHERE
from eddyline.media.source.source import VideoFacts


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The analysis of some chunks of one codec family with `probes` probes, which is one job."""

    family: str
    chunks: tuple[Chunk, ...]
    probes: int

    @property
    def frames(self) -> int:
        """The number of frames of its chunks."""
        return sum(chunk.frames for chunk in self.chunks)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the analysis chose; `jobs` is the number of its jobs.

    `crfs` has the CRFs of a rung for the chunks of its family, in their order, by the rung's name; rungs
    without an entry keep the CRF of the profile. `dropped` has the names of the rungs that are not encoded,
    with the reasons. `expected` has what the analysis measured, as JSON values by the rung's name.
    """

    crfs: Mapping[str, tuple[float, ...]]
    dropped: Mapping[str, str]
    expected: Mapping[str, Any]
    jobs: int

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return {
            "crfs": {name: list(crfs) for name, crfs in self.crfs.items()},
            "dropped": dict(self.dropped),
            "expected": dict(self.expected),
            "jobs": self.jobs,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Selection:
        """The selection that `to_json` wrote."""
        return cls(
            crfs={str(name): tuple(crfs) for name, crfs in values["crfs"].items()},
            dropped={str(name): str(reason) for name, reason in values["dropped"].items()},
            expected=dict(values["expected"]),
            jobs=values["jobs"],
        )


def searched_rungs(facts: VideoFacts, rungs: Sequence[Rung]) -> dict[str, tuple[Rung, ...]]:
    """The rungs whose CRF can be found, by codec family; families without such rungs are missing."""
    found: dict[str, list[Rung]] = {}
    for rung in rungs:
        if is_searchable(facts, rung):
            found.setdefault(rung.family, []).append(rung)
    return {family: tuple(each) for family, each in found.items()}


def reason_for_fixed_crf(facts: VideoFacts, rung: Rung) -> str:
    """Why the CRF of a rung is that of the profile."""
    if not is_measurable(facts, rung):
        return HDR if facts.sphere is None else SPHERE
    if is_hardware(rung.encoder):
        return f"{rung.encoder}: only software encoders are analysed"
    return f"{rung.width}x{rung.height} pixels are too small for VMAF"


def plan_analyses(facts: VideoFacts, rungs: Sequence[Rung], chunks: Sequence[Chunk]) -> tuple[Analysis, ...]:
    """The analyses of all families; each has consecutive chunks of one of them."""
    analyses: list[Analysis] = []
    for family, searched in searched_rungs(facts, rungs).items():
        own = tuple(chunk for chunk in chunks if chunk.family == family and not chunk.rung)
        probes = probe_count(facts, searched, len(own))
        jobs = job_count(facts, searched, len(own))
        for job in range(jobs):
            first, after = (place * len(own) // jobs for place in (job, job + 1))
            share = probes * after // len(own) - probes * first // len(own)
            analyses.append(Analysis(family=family, chunks=own[first:after], probes=max(share, 1)))
    return tuple(analyses)
