"""What is to be done for one asset: decided once, from its facts and the profile, never from the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from eddyline.core.identity import digest
from eddyline.core.numbers import parse_rational
from eddyline.fleet.routing import Route, built_in_route
from eddyline.graph.job import NewJob
from eddyline.media.ladder.chunks import Chunk, Grid, frame_grid, plan_chunks
from eddyline.media.ladder.encoders import DEFAULT_ENCODERS
from eddyline.media.ladder.ladder import Rung, rungs
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.source import SourceFacts
from eddyline.pipeline.planning.job_options import DEFAULT_OPTIONS, JobOptions

# Part of every output's key: raise it when the same plan would give other bytes than before.
RECIPE_VERSION = 2
_PLAN = "plan-"  # how the names of plans begin

# Lower first. The poster is what a person looks for; long poles (audio is one thread) go before the many
# chunks; what ends an asset goes before what begins the next one.
_PRIORITY = {
    "inspect": 20,
    "poster": 0,
    "telemetry": 10,
    "audio": 10,
    "subtitles": 10,
    "pictures": 15,
    "samples": 16,
    "chunk": 30,
}
_ENDING = {"assemble": 5, "package": 4, "publish": 3, "tidy": 20}
KINDS = frozenset({*_PRIORITY, *_ENDING})
"""The kinds of jobs that there are."""
# Relative cost in frames' worth of encoding, for the progress bar.
_WEIGHT = {
    "poster": 5.0,
    "telemetry": 2.0,
    "subtitles": 2.0,
    "pictures": 30.0,
    "samples": 20.0,
    "publish": 5.0,
    "tidy": 0.1,
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that the steps of one asset need to know.

    `asset` is its id, `name` the source's file name. `source` is the part that holds the source
    rewrapped as MP4, or empty where the source is MP4 itself. `toolchain` is the identity of the programs.
    """

    asset: str
    name: str
    facts: SourceFacts
    profile: Profile
    rungs: tuple[Rung, ...]
    grid: Grid
    chunks: tuple[Chunk, ...]
    toolchain: str
    source: str = ""

    @classmethod
    def make(
        cls,
        *,
        asset: str,
        name: str,
        facts: SourceFacts,
        profile: Profile,
        toolchain: str,
        source: str = "",
        encoders: Mapping[str, str] = DEFAULT_ENCODERS,
    ) -> Plan:
        """Decide rungs, grid and chunks. `encoders` by codec, for rungs that ask for none."""
        ladder = rungs(profile, facts.video, encoders)
        grid = frame_grid(gop_s=profile.gop_s, segment_s=profile.segment_s, fps=facts.video.fps)
        return cls(
            asset=asset,
            name=name,
            facts=facts,
            profile=profile,
            rungs=ladder,
            grid=grid,
            chunks=plan_chunks(facts.video.frames, grid, ladder),
            toolchain=toolchain,
            source=source,
        )

    @cached_property
    def digest(self) -> str:
        """Names the plan's outputs (hex): same footage, wish, toolchain, encoders and recipe, same digest."""
        unusual = {
            rung.codec: rung.encoder for rung in self.rungs if rung.encoder != DEFAULT_ENCODERS[rung.codec]
        }
        asked = (RECIPE_VERSION, self.facts.fingerprint, self.profile.digest(), self.toolchain)
        return digest(*asked, *([unusual] if unusual else []))

    @property
    def key(self) -> str:
        """Where the plan is kept in the store."""
        return f"{parts_prefix(self.asset)}/{_PLAN}{self.digest[:16]}.json"

    @property
    def folder(self) -> str:
        """Where all parts of this plan lie."""
        return f"{parts_prefix(self.asset)}/{self.digest[:16]}"

    def part(self, kind: str, index: int | str | None = None) -> str:
        """The store's folder of what the job `kind` (and its `index`) makes."""
        tail = (
            kind if index is None else f"{kind}-{index:04d}" if isinstance(index, int) else f"{kind}-{index}"
        )
        return f"{self.folder}/{tail}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict of JSON values."""
        return {
            "asset": self.asset,
            "name": self.name,
            "facts": self.facts.to_json(),
            "profile": self.profile.model_dump(mode="json"),
            "rungs": [rung.to_json() for rung in self.rungs],
            "grid": {**asdict(self.grid), "fps": str(self.grid.fps)},
            "chunks": [[chunk.start, chunk.stop] for chunk in self.chunks],
            "toolchain": self.toolchain,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` wrote."""
        return cls(
            asset=plain["asset"],
            name=plain["name"],
            facts=SourceFacts.from_json(plain["facts"]),
            profile=Profile.model_validate(plain["profile"]),
            rungs=tuple(Rung.from_json(rung) for rung in plain["rungs"]),
            grid=Grid(**{**plain["grid"], "fps": parse_rational(plain["grid"]["fps"])}),
            chunks=tuple(
                Chunk(index=index, start=start, stop=stop)
                for index, (start, stop) in enumerate(plain["chunks"])
            ),
            toolchain=plain["toolchain"],
            source=plain["source"],
        )


def is_plan(key: str) -> bool:
    """Whether a key of a parts folder is that of a plan."""
    return key.rpartition("/")[2].startswith(_PLAN)


def parts_prefix(asset: str) -> str:
    """Where everything lies that is made on the way to an asset; removed once it is published."""
    return f".eddyline/parts/{asset}"


def job_id(asset: str, ask: str, kind: str, index: int | str | None = None) -> str:
    """One spelling per piece of work: submitting the same work again adds nothing."""
    tail = kind if index is None else f"{kind}-{index:04d}" if isinstance(index, int) else f"{kind}-{index}"
    return f"{asset}.{ask[:8]}.{tail}"


def inspect_job(
    *,
    asset: str,
    name: str,
    fingerprint: str,
    ask: str,
    profile: Profile,
    store: str = "",
    terms: JobOptions = DEFAULT_OPTIONS,
    pool: str | None = None,
) -> NewJob:
    """The first job of an asset; it spawns the others. `ask` digests profile, toolchain, recipe and store.

    `store` is where it goes (`destination`). `pool`: the worker class that inspects; None: that of the
    built-in ones.
    """
    return NewJob(
        id=job_id(asset, ask, "inspect"),
        asset=asset,
        kind="inspect",
        pool=pool or built_in_route().pool("inspect"),
        priority=terms.priority(_PRIORITY["inspect"]),
        spec={
            "asset": asset,
            "name": name,
            "fingerprint": fingerprint,
            "ask": ask,
            "profile": profile.model_dump(mode="json"),
            "store": store,
            "terms": terms.to_json(),
        },
        weight=5.0,
        owner=terms.owner,
        deadline=terms.deadline,
    )


def plan_jobs(
    plan: Plan, ask: str, terms: JobOptions = DEFAULT_OPTIONS, route: Route | None = None
) -> tuple[NewJob, ...]:
    """All jobs after inspection, needs before those that name them; each in the class of its `route`.

    Raises `UnsupportedError` for a kind of job that no class runs.
    """
    draft = _Draft(plan, ask, terms, route or built_in_route())
    frames = plan.facts.video.frames
    before = [draft.add("poster"), draft.add("pictures")]
    before.append(draft.add("telemetry"))
    samples = draft.add("samples")
    audio = [draft.add("audio", i, weight=frames * 0.02) for i in range(len(plan.facts.audio))]
    if plan.facts.subtitles:
        audio.append(draft.add("subtitles"))
    chunks = [draft.add("chunk", each.index, weight=float(each.frames)) for each in plan.chunks]
    films = [
        draft.add("assemble", rung.name, dependencies=[*chunks, *audio, samples], weight=frames * 0.01)
        for rung in plan.rungs
    ]
    if plan.profile.package:
        before.append(draft.add("package", dependencies=films, weight=frames * 0.02))
    done = draft.add("publish", dependencies=[*before, *films])
    draft.add("tidy", dependencies=[done])
    return tuple(draft.made)


class _Draft:
    """Collects the jobs of one plan."""

    def __init__(self, plan: Plan, ask: str, terms: JobOptions, route: Route) -> None:
        self._plan, self._ask, self._terms, self._route = plan, ask, terms, route
        self.made: list[NewJob] = []

    def add(
        self,
        kind: str,
        index: int | str | None = None,
        *,
        dependencies: list[str] | None = None,
        weight: float | None = None,
    ) -> str:
        job = NewJob(
            id=job_id(self._plan.asset, self._ask, kind, index),
            asset=self._plan.asset,
            kind=kind,
            pool=self._route.pool(kind),
            priority=self._terms.priority({**_PRIORITY, **_ENDING}[kind]),
            spec={"plan": self._plan.key, "ask": self._ask, "index": index},
            dependencies=tuple(dependencies or ()),
            weight=_WEIGHT.get(kind, 1.0) if weight is None else weight,
            owner=self._terms.owner,
            deadline=self._terms.deadline,
        )
        self.made.append(job)
        return job.id
