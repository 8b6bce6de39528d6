"""A family falls back to software encoders as a whole, wherever workers are killed or end late."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.pipeline.killable_store import KillableStore, Killed, KillSwitch
from tests.unit.pipeline.source_facts import facts

from eddyline.core.clock import ManualClock
from eddyline.core.errors import EddylineError, ProofError, ToolError, TransientError
from eddyline.core.identity import canonical
from eddyline.fleet.pools import Pools, load_pools
from eddyline.fleet.routing import Route
from eddyline.graph.job import Claim, Done, Failed, Interrupted, Job, Outcome, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN
from eddyline.graph.worker.handler import Handler, JobContext, outcome_of_error
from eddyline.media.ladder.profile import load_profile
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.device_errors import DeviceError, EncoderSessionsError
from eddyline.pipeline.planning.job_spec import JobSpecError, StepSpec
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import plan_jobs
from eddyline.pipeline.planning.routing import software_pool
from eddyline.pipeline.runtime.build_record import BuildRecord, fall_back, parse_record, take_over
from eddyline.pipeline.runtime.device_fallback import MAX_SESSION_WAITS
from eddyline.pipeline.runtime.encoder_consistency import (
    MixedBuildError,
    ffmpeg_identity,
    require_single_build,
    require_single_encoder,
)
from eddyline.pipeline.runtime.family_record import falls_back
from eddyline.pipeline.runtime.history import history_from_spec
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Runtime, Task
from eddyline.pipeline.runtime.step_handler import StepOutput, step_handler
from eddyline.store.local import LocalStore

_PLAN = Plan.create(
    asset="0123456789abcdef",
    name="a.mp4",
    facts=facts(frames=700, audio=0),
    profile=load_profile("fast").model_copy(update={"package": False}),
    toolchain="fleet",
    encoders={"h264": "h264_nvenc"},
)
_POOLS = load_pools()
_ROUTE = Route(
    pools=dict.fromkeys(sorted(_POOLS["light"].kinds), "light"),
    chunk_pools={"h264": "gpu"},
    encoders={"h264": "h264_nvenc"},
)
_BROKEN = DeviceError("the GPU cannot be used", argv=("ffmpeg",), status=1, stderr="CUDA_ERROR_UNKNOWN")


def _tools(build: str) -> Toolchain:
    return Toolchain(
        ffmpeg=Path("/bin/ffmpeg"),
        ffprobe=Path("/bin/ffprobe"),
        packager=Path("/bin/packager"),
        ffmpeg_version=build,
        packager_version="3",
        ffmpeg_sha256=build,
        encoders=frozenset(),
        identity=build,
    )


@dataclass(frozen=True)
class WorkerRun:
    """A worker of `pool` claims a chunk.

    Its device may be `broken`; it may be killed at a change of the store; while it encodes, its claim may be
    `lost` to others, and other workers may run.
    """

    pool: Literal["gpu", "cpu"]
    broken: bool = False
    kill: int | None = None
    after: bool = False
    lost: bool = False
    meanwhile: int = 0


@dataclass
class Simulation:
    """A ledger, a store and workers of GPU and CPU pools, which have builds of their own."""

    root: Path
    ledger: Ledger
    clock: ManualClock
    runs: Iterator[WorkerRun] = field(default_factory=lambda: iter(()))

    def __post_init__(self) -> None:
        LocalStore(self.root).put_bytes(_PLAN.key, canonical(_PLAN.to_json()))
        self.ledger.submit(list(plan_jobs(_PLAN, "request", route=_ROUTE)))
        for claim in self.ledger.claim("others", pools=("light",), limit=50, lease_s=1e9):
            self._settle(claim, Done(result={}))

    def run(self, worker_run: WorkerRun, error: EddylineError = _BROKEN) -> list[Outcome]:
        """Let one worker run one job; returns its outcome, if it was not killed."""
        self.clock.advance(1)
        name = f"{worker_run.pool}-{self.clock.now()}"
        self.ledger.register(name, "here", 0, 1e9)
        claims = self.ledger.claim(name, pools=(worker_run.pool,), limit=1, lease_s=1e9)
        kill_switch = KillSwitch(remaining=worker_run.kill, after=worker_run.after)
        outcomes = []
        try:
            for claim in claims:
                handle = self._handler(worker_run, name, kill_switch, error)
                outcomes.append(self._outcome(handle, claim))
                self._settle(claim, outcomes[-1])  # does not count if the claim was lost
        except Killed:
            self.ledger.release_worker(name)
        return outcomes

    def _handler(self, run: WorkerRun, worker: str, kill_switch: KillSwitch, error: EddylineError) -> Handler:
        runtime = self.runtime(run.pool, kill_switch)

        def encode(task: Task) -> StepOutput:
            rungs = task.plan.rungs_of("h264", software=task.software)
            if run.lost:
                self.ledger.release_worker(worker)
            for _ in range(run.meanwhile):
                if (other := next(self.runs, None)) is not None:
                    self.run(other)
            if run.broken and not task.software:
                raise error
            output_file = task.work / "video.mp4"
            output_file.write_text(rungs[0].encoder)
            return StepOutput(
                files={output_file.name: output_file},
                result={
                    "encoders": {rung.name: rung.encoder for rung in rungs},
                    "ffmpeg": ffmpeg_identity(task.runtime.tools),
                },
            )

        return step_handler(runtime, encode)

    def assemble(self) -> list[Outcome]:
        """Run all assemble jobs that are ready."""
        outcomes = []
        for claim in self.ledger.claim("assembler", pools=("light",), limit=50, lease_s=1e9):
            if claim.job.kind == "assemble":
                outcomes.append(
                    self._outcome(step_handler(self.runtime("light", KillSwitch()), _assemble), claim)
                )
                self._settle(claim, outcomes[-1])
        return outcomes

    def finish(self, *pools: Literal["gpu", "cpu"], broken: bool = False) -> None:
        """Let workers of these pools run all remaining chunk jobs."""
        for _ in range(80):
            if not self.open_chunks():
                return
            for pool in pools:
                self.run(WorkerRun(pool, broken=broken))
            self.clock.advance(30)
        raise AssertionError("the chunks were not completed")

    def open_chunks(self) -> list[Job]:
        return [job for job in self.chunk_jobs() if job.state in OPEN]

    def chunk_jobs(self) -> list[Job]:
        return [job for job in self.ledger.jobs(asset=_PLAN.asset) if job.kind == "chunk"]

    def runtime(self, build: str, kill_switch: KillSwitch, pools: Pools = _POOLS) -> Runtime:
        return Runtime(
            store=KillableStore(self.root, kill_switch),
            tools=_tools(build),
            scratch=self.root / ".scratch",
            history=history_from_spec,
            pools=pools,
            clock=self.clock,
            hand_back_pause_s=0,
        )

    @staticmethod
    def _outcome(handle: Handler, claim: Claim) -> Outcome:
        try:
            return handle(claim.job, JobContext(attempt=claim.job.attempt))
        except Exception as error:  # noqa: BLE001 - as in a worker
            return outcome_of_error(error)

    def _settle(self, claim: Claim, outcome: Outcome) -> None:
        self.ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)])


def _assemble(task: Task) -> StepOutput:
    rung = task.plan.rung(task.index)
    chunks = task.chunk_parts(task.plan.chunks_of_rung(rung))
    require_single_build(chunks)
    encoder = require_single_encoder(chunks, rung)
    for part in chunks:
        assert task.fetch(part, "video.mp4").read_text() == encoder
    return StepOutput(result={"encoder": encoder})


def _simulation(folder: Path, runs: Sequence[WorkerRun] | Iterator[WorkerRun] = ()) -> Simulation:
    clock = ManualClock()
    ledger = Ledger.open(folder / "ledger.db", poison_after=1000, clock=clock)
    return Simulation(root=folder / "store", ledger=ledger, clock=clock, runs=iter(runs))


def _encoders(outcomes: Sequence[Outcome]) -> set[str]:
    assert len(outcomes) == len(_PLAN.rungs)
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    return {outcome.result["encoder"] for outcome in outcomes if isinstance(outcome, Done)}


_RUNS = st.lists(
    st.builds(
        WorkerRun,
        pool=st.sampled_from(("gpu", "gpu", "cpu")),
        broken=st.booleans(),
        kill=st.none() | st.integers(0, 6),
        after=st.booleans(),
        lost=st.booleans(),
        meanwhile=st.integers(0, 3),
    ),
    max_size=10,
)


@given(runs=_RUNS, gpus_stay=st.booleans())
@settings(max_examples=15)
@example(runs=[WorkerRun("gpu"), WorkerRun("gpu", broken=True)], gpus_stay=False)
@example(runs=[WorkerRun("gpu"), WorkerRun("gpu", broken=True, kill=0, after=True)], gpus_stay=True)
# A worker that lost its claim ends late: with a chunk, and with a failure.
@example(
    runs=[
        WorkerRun("gpu", lost=True, meanwhile=3),
        WorkerRun("gpu", broken=True),
        WorkerRun("cpu"),
        WorkerRun("cpu"),
    ],
    gpus_stay=True,
)
@example(
    runs=[WorkerRun("gpu", lost=True, broken=True, meanwhile=3), *[WorkerRun("gpu")] * 3], gpus_stay=True
)
@example(runs=[WorkerRun("gpu", kill=2, after=True), WorkerRun("gpu", broken=True)], gpus_stay=False)
def test_one_encoder_encodes_all_chunks_wherever_devices_fail_and_workers_are_killed(
    runs: list[WorkerRun], *, gpus_stay: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        remaining_runs = iter(runs)
        simulation = _simulation(Path(folder), remaining_runs)
        with simulation.ledger:
            for worker_run in remaining_runs:
                simulation.run(worker_run)
            if gpus_stay:
                simulation.finish("gpu", "cpu")
            else:  # one more GPU fails, and none comes back; what the dead ones hold is released
                simulation.run(WorkerRun("gpu", broken=True))
                simulation.finish("cpu", "gpu")
            expected = "libx264" if falls_back(LocalStore(simulation.root), _PLAN, "h264") else "h264_nvenc"
            assert _encoders(simulation.assemble()) == {expected}


def test_without_a_failure_the_device_encodes_everything(tmp_path: Path) -> None:
    simulation = _simulation(tmp_path)
    with simulation.ledger:
        simulation.finish("gpu")
        assert _encoders(simulation.assemble()) == {"h264_nvenc"}
        assert len(simulation.chunk_jobs()) == len(_PLAN.chunks)


def test_after_a_failure_no_job_waits_for_a_gpu(tmp_path: Path) -> None:
    simulation = _simulation(tmp_path)
    with simulation.ledger:
        simulation.run(WorkerRun("gpu"))
        (outcome,) = simulation.run(WorkerRun("gpu", broken=True))
        assert isinstance(outcome, Done)
        assert outcome.result["fallback"] == {"pool": "cpu", "reason": "the GPU cannot be used"}
        assert {job.pool for job in simulation.open_chunks()} == {"cpu"}
        simulation.finish("cpu")
        assert _encoders(simulation.assemble()) == {"libx264"}
        # The chunk that the GPU had encoded was encoded again.
        assert sum(job.id.endswith("-software") for job in simulation.chunk_jobs()) == len(_PLAN.chunks)


def test_a_gpu_that_ends_late_changes_nothing(tmp_path: Path) -> None:
    runs = iter([WorkerRun("gpu", broken=True), *[WorkerRun("cpu")] * 20])
    simulation = _simulation(tmp_path, runs)
    with simulation.ledger:
        # Meanwhile the family falls back, and the CPU pool completes all chunks.
        simulation.run(WorkerRun("gpu", lost=True, meanwhile=21))
        simulation.finish("cpu")
        assert _encoders(simulation.assemble()) == {"libx264"}


def test_a_late_failure_does_not_undo_a_family_that_is_complete(tmp_path: Path) -> None:
    simulation = _simulation(tmp_path, iter([WorkerRun("gpu")] * 4))
    with simulation.ledger:
        # The same chunk and all others are encoded while this worker, which lost its claim, is failing.
        simulation.run(WorkerRun("gpu", lost=True, broken=True, meanwhile=4))
        assert not simulation.open_chunks()
        assert _encoders(simulation.assemble()) == {"h264_nvenc"}


@pytest.mark.parametrize(
    ("error", "attempt", "falls"),
    [
        (_BROKEN, 1, True),
        (ProofError("the encoders did not write all frames"), 1, True),
        (ToolError("killed", argv=(), status=-11), 1, False),
        (ToolError("killed", argv=(), status=-11), 2, True),
        (TransientError("the disk is full"), 1, False),
    ],
)
def test_which_failures_are_those_of_the_device(
    tmp_path: Path, error: EddylineError, attempt: int, *, falls: bool
) -> None:
    simulation = _simulation(tmp_path)
    with simulation.ledger:
        for _ in range(attempt - 1):
            simulation.run(WorkerRun("gpu", broken=True), ToolError("killed", argv=(), status=-11))
            for job in simulation.open_chunks():  # the others wait, so that the same job is claimed again
                if job.attempt == 0:
                    simulation.ledger.cancel(job=job.id, reason="test")
            simulation.clock.advance(1000)
        (outcome,) = simulation.run(WorkerRun("gpu", broken=True), error)
        assert isinstance(outcome, Done) == falls
        assert falls_back(LocalStore(simulation.root), _PLAN, "h264") == falls


def test_a_job_without_an_encoder_session_waits_without_spending_an_attempt(tmp_path: Path) -> None:
    simulation = _simulation(tmp_path)
    full = EncoderSessionsError("no encoder session is free on the GPU")
    with simulation.ledger:
        for _ in range(5):
            assert simulation.run(WorkerRun("gpu", broken=True), full) == [Interrupted()]
        assert {job.attempt for job in simulation.chunk_jobs()} == {0}
        assert not falls_back(LocalStore(simulation.root), _PLAN, "h264")
        for _ in range(MAX_SESSION_WAITS * len(_PLAN.chunks)):
            (outcome,) = simulation.run(WorkerRun("gpu", broken=True), full)
            if isinstance(outcome, Done):
                break
        assert falls_back(LocalStore(simulation.root), _PLAN, "h264")


def test_without_a_pool_for_software_encoders_the_job_fails(tmp_path: Path) -> None:
    gpu = _POOLS["gpu"]
    only_gpu = Pools(pools={"gpu": gpu, "light": _POOLS["light"]})
    assert software_pool(only_gpu, "h264") is None
    assert software_pool(_POOLS, "av1") == "cpu"
    simulation = _simulation(tmp_path)
    with simulation.ledger:
        (claim,) = simulation.ledger.claim("x", pools=("gpu",), limit=1, lease_s=9)

        def fail(_task: Task) -> StepOutput:
            raise _BROKEN

        handle = step_handler(simulation.runtime("gpu", KillSwitch(), only_gpu), fail)
        with pytest.raises(DeviceError):
            handle(claim.job, JobContext(attempt=1))
        assert isinstance(outcome_of_error(_BROKEN), Failed)


def test_chunks_of_two_encoders_are_never_joined() -> None:
    rung = _PLAN.rungs[0]
    parts = [
        Part(key=name, files={}, result={"encoders": {rung.name: name}}, cpu_s=0.0)
        for name in ("h264_nvenc", "libx264")
    ]
    assert require_single_encoder(parts[:1], rung) == "h264_nvenc"
    assert require_single_encoder([Part(key="old", files={}, result={}, cpu_s=0.0)], rung) == rung.encoder
    with pytest.raises(MixedBuildError, match="h264_nvenc and libx264"):
        require_single_encoder(parts, rung)


def test_a_record_keeps_the_fallback_and_reads_those_of_earlier_versions() -> None:
    record = fall_back("job", 5.0)
    assert parse_record(record.to_json()) == record
    first = take_over(record, "A", "other", 6.0)
    assert first == BuildRecord(build="A", by="job", at=6.0, software=True)
    assert take_over(first, "B", "third", 7.0).software
    plain = BuildRecord(build="A", by="job", at=1.0)
    assert b"software" not in plain.to_json()
    assert parse_record(b'{"at":1,"before":[],"build":"A","by":"x"}') == BuildRecord(build="A", by="x", at=1)
    assert parse_record(b'{"at":1,"before":[],"build":"A","by":"x","software":1}') is None


def test_a_forged_job_cannot_switch_a_software_family() -> None:
    plan = Plan.create(
        asset=_PLAN.asset, name="a", facts=_PLAN.facts, profile=_PLAN.profile, toolchain="fleet"
    )
    spec = StepSpec(plan=plan.key, request="r", index=0, software=True)
    with pytest.raises(JobSpecError, match="no hardware encoder is planned"):
        spec.check("chunk", plan)
    spec.check("chunk", _PLAN)
