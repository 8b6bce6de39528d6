"""Assets with planned jobs in a ledger, and a simulation of workers that run them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from eddyline.core.clock import ManualClock
from eddyline.graph.db.insert_if_absent import insert_if_absent
from eddyline.graph.db.library_schema import assets
from eddyline.graph.job import Claim, Done, NewJob, Settlement
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.pipeline.planning.job_kinds import JOB_KINDS, Per

ASSET = "0123456789abcdef"
REQUEST = "abcd1234"
WORKER = "cpu@host:1-aaaaaa"


def add_row(
    ledger: Ledger,
    asset: str = ASSET,
    *,
    owner: str = "",
    state: AssetState = AssetState.PROCESSING,
    **more: object,
) -> None:
    """Adds the asset to the catalogue."""
    row = {
        **{column.name: None for column in assets.columns},
        "asset": asset,
        "owner": owner,
        "name": f"{asset}.mp4",
        "state": state.value,
        "created": ledger.now(),
        "updated": ledger.now(),
        "profile": "default",
        "source": f"/cards/{asset}.mp4",
        "progress": 0.0,
        **more,
    }
    ledger.write(lambda c: insert_if_absent(c, assets, [row]))


def job_name(asset: str, kind: str, index: int | str | None = None, request: str = REQUEST) -> str:
    """The id of a job."""
    name = kind if index is None else f"{kind}-{index:04d}" if isinstance(index, int) else f"{kind}-{index}"
    return f"{asset}.{request}.{name}"


def planned_jobs(
    asset: str = ASSET,
    *,
    chunks: int = 12,
    frames: int = 240,
    rungs: Sequence[str] = ("1080p", "720p"),
    **more: object,
) -> list[NewJob]:
    """The jobs of a plan, by the table of kinds: chunks of `frames` frames, one audio track, no subtitles."""
    found: list[NewJob] = []
    for kind in JOB_KINDS.values():
        if not kind.planned or kind.per is Per.ASSET_WITH_SUBTITLES:
            continue
        indexes: Sequence[int | str | None] = (None,)
        if kind.per is Per.CHUNK:
            indexes = range(chunks)
        elif kind.per is Per.RUNG:
            indexes = rungs
        elif kind.per is Per.AUDIO_RENDITION:
            indexes = (0,)
        needed = tuple(job.id for name in kind.dependencies for job in found if job.kind == name)
        total = frames if kind.per is Per.CHUNK else frames * chunks
        found += [
            NewJob(
                id=job_name(asset, kind.name, index),
                asset=asset,
                kind=kind.name,
                priority=kind.priority,
                spec={"plan": "p", "ask": REQUEST, "index": index},
                dependencies=needed,
                weight=kind.weight + kind.weight_per_frame * total,
                **more,  # type: ignore[arg-type]
            )
            for index in indexes
        ]
    return found


@dataclass
class Simulation:
    """Workers with `slots` slots in all that run the jobs of a ledger in the simulated time of `clock`.

    `seconds` returns the duration of a job. Running jobs report their progress every 2 s, if their kind does.
    """

    ledger: Ledger
    clock: ManualClock
    seconds: Callable[[NewJob | Claim], float]
    slots: int = 4
    pools: tuple[str, ...] = ("cpu",)
    running: dict[str, tuple[Claim, float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        machine = Machine(pool="cpu", slots=self.slots)
        self.ledger.register(WORKER, "host", 1, 1e6, machine=machine)

    def step(self) -> bool:
        """Runs until the next job ends, or for 2 s; returns whether there is anything left to do."""
        free = self.slots - len(self.running)
        now = self.clock.now()
        for claim in self.ledger.claim(WORKER, pools=self.pools, limit=free, lease_s=1e6) if free else ():
            self.running[claim.job.id] = (claim, now, now + self.seconds(claim))
        if not self.running:
            return False
        until = min(now + 2.0, *(ends for _, _, ends in self.running.values()))
        self.clock.advance(max(until - now, 1e-6))
        ended = [each for each in self.running.values() if each[2] <= until + 1e-9]
        for claim, _, _ in ended:
            del self.running[claim.job.id]
            self.ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=Done(result={}))])
        self.ledger.progress.record(self._fractions())
        return True

    def _fractions(self) -> Mapping[str, tuple[int, float]]:
        now = self.clock.now()
        return {
            claim.job.id: (claim.fence, min((now - started) / (ends - started), 1.0))
            for claim, started, ends in self.running.values()
            if claim.job.kind == "chunk"
        }
