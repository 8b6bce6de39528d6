"""With workers of several builds of FFmpeg, one build encodes all chunks of an asset."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.pipeline.killable_store import KillableStore, Killed, KillSwitch
from tests.unit.pipeline.source_facts import facts

from eddyline.core.clock import ManualClock
from eddyline.core.identity import canonical
from eddyline.graph.job import Claim, Done, Failed, Job, Outcome, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.graph.worker.handler import Handler, JobContext, outcome_of_error
from eddyline.media.ladder.profile import load_profile
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import plan_jobs
from eddyline.pipeline.runtime.build_record import SUPERSEDED_S, BuildRecord, EncoderChoice, choose, take_over
from eddyline.pipeline.runtime.encoder_consistency import (
    MixedBuildError,
    failed_on_mixed_builds,
    ffmpeg_build,
    ffmpeg_identity,
    require_single_build,
)
from eddyline.pipeline.runtime.history import history_from_spec
from eddyline.pipeline.runtime.parts import Part, PartStore
from eddyline.pipeline.runtime.runtime import Runtime, Task
from eddyline.pipeline.runtime.step_handler import StepOutput, step_handler
from eddyline.store.local import LocalStore

_PLAN = Plan.create(
    asset="0123456789abcdef",
    name="a.mp4",
    facts=facts(frames=700, audio=0),
    profile=load_profile("fast").model_copy(update={"package": False}),
    toolchain="fleet",
)


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


# Decisions


def test_the_first_build_encodes_the_chunks_and_a_new_one_takes_over() -> None:
    first = take_over(None, "A", "job-1", 0.0)
    assert choose(first, "A", 5.0) is EncoderChoice.ENCODE
    assert choose(first, "B", 5.0) is EncoderChoice.TAKE_OVER
    second = take_over(first, "B", "job-2", 5.0)
    assert second == BuildRecord(build="B", by="job-2", at=5.0, before=("A",))
    assert choose(second, "A", 6.0) is EncoderChoice.HAND_BACK
    assert choose(second, "B", 6.0) is EncoderChoice.ENCODE


def test_an_older_build_takes_over_again_once_the_record_is_old() -> None:
    record = take_over(take_over(None, "A", "job-1", 0.0), "B", "job-2", 5.0)
    assert choose(record, "A", 5.0 + SUPERSEDED_S - 1) is EncoderChoice.HAND_BACK
    assert choose(record, "A", 5.0 + SUPERSEDED_S) is EncoderChoice.TAKE_OVER
    assert take_over(record, "A", "job-3", 700.0).before == ("A", "B")


def _part(build: str | None) -> Part:
    result = {} if build is None else {"ffmpeg": ffmpeg_identity(_tools(build))}
    return Part(key="k", files={}, result=result, cpu_s=0.0)


def test_mixed_builds_are_rejected_with_a_remedy() -> None:
    require_single_build([_part("A"), _part("A")])
    require_single_build([_part(None), _part("A")])  # of a version that did not record builds
    with pytest.raises(MixedBuildError, match=r"2 builds of FFmpeg \(A, B\).*submit the source again"):
        require_single_build([_part("A"), _part("B")])


# Simulations with a real ledger


@dataclass(frozen=True)
class WorkerRun:
    """A worker of a build claims a chunk; it may be killed, and another worker may run while it encodes."""

    build: str
    kill: int | None = None
    after: bool = False
    meanwhile: bool = False


@dataclass
class Simulation:
    """A ledger, a store, and workers of any build, which run one after another."""

    root: Path
    ledger: Ledger
    clock: ManualClock
    runs: Iterator[WorkerRun]

    def __post_init__(self) -> None:
        LocalStore(self.root).put_bytes(_PLAN.key, canonical(_PLAN.to_json()))
        self.ledger.submit(list(plan_jobs(_PLAN, "request")))
        for claim in self.ledger.claim("others", pools=("light",), limit=50, lease_s=1e9):
            self._settle(claim, Done(result={}))

    def run(self, worker_run: WorkerRun) -> None:
        name = f"{worker_run.build}-{self.clock.now()}"
        self.clock.advance(1)
        self.ledger.register(name, "here", 0, 1e9)
        claims = self.ledger.claim(name, pools=("cpu",), limit=1, lease_s=1e9)
        kill_switch = KillSwitch(remaining=worker_run.kill, after=worker_run.after)
        try:
            for claim in claims:
                self._settle(claim, self._outcome(self._chunk(worker_run, kill_switch), claim))
        except Killed:
            self.ledger.release_worker(name)

    def _chunk(self, worker_run: WorkerRun, kill_switch: KillSwitch) -> Handler:
        runtime = self._runtime(worker_run.build, kill_switch)

        def encode(task: Task) -> StepOutput:
            if worker_run.meanwhile and (other := next(self.runs, None)):
                self.run(other)
            output_file = task.work / "video.mp4"
            output_file.write_text(worker_run.build)
            return StepOutput(
                files={output_file.name: output_file}, result={"ffmpeg": ffmpeg_identity(task.runtime.tools)}
            )

        return step_handler(runtime, encode)

    def assemble(self) -> list[Outcome]:
        """Run all assemble jobs that are ready."""
        outcomes = []
        for claim in self.ledger.claim("assembler", pools=("light",), limit=50, lease_s=1e9):
            outcome = self._outcome(step_handler(self._runtime("L", KillSwitch()), _run_assemble), claim)
            outcomes.append(outcome)
            self._settle(claim, outcome)
        return outcomes

    def finish(self, build: str) -> None:
        """Let workers of this build encode all remaining chunks."""
        for _ in range(60):
            if not self._open("chunk"):
                return
            self.run(WorkerRun(build))
            self.clock.advance(30)
        raise AssertionError("the chunks were not completed")

    def _open(self, kind: str) -> list[Job]:
        jobs = self.ledger.jobs(asset=_PLAN.asset)
        return [job for job in jobs if job.kind == kind and job.state in OPEN]

    def _runtime(self, build: str, kill_switch: KillSwitch) -> Runtime:
        return Runtime(
            store=KillableStore(self.root, kill_switch),
            tools=_tools(build),
            scratch=self.root / ".scratch",
            history=history_from_spec,
            clock=self.clock,
            hand_back_pause_s=0,
        )

    @staticmethod
    def _outcome(handle: Handler, claim: Claim) -> Outcome:
        try:
            return handle(claim.job, JobContext(attempt=1))
        except Exception as error:  # noqa: BLE001 - as in a worker
            return outcome_of_error(error)

    def _settle(self, claim: Claim, outcome: Outcome) -> None:
        self.ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)])


def _run_assemble(task: Task) -> StepOutput:
    if task.job.kind == "assemble":
        require_single_build([task.part("chunk", each.index) for each in task.plan.chunks])
    return StepOutput()


def _simulation(folder: Path, runs: Sequence[WorkerRun] | Iterator[WorkerRun] = ()) -> Simulation:
    clock = ManualClock()
    ledger = Ledger.open(folder / "ledger.db", poison_after=1000, clock=clock)
    return Simulation(root=folder / "store", ledger=ledger, clock=clock, runs=iter(runs))


_RUNS = st.lists(
    st.builds(
        WorkerRun,
        build=st.sampled_from("ABC"),
        kill=st.none() | st.integers(0, 6),
        after=st.booleans(),
        meanwhile=st.booleans(),
    ),
    max_size=12,
)


@given(runs=_RUNS, last_build=st.sampled_from("ABC"))
@settings(max_examples=25)
@example(runs=[WorkerRun("A"), WorkerRun("A"), WorkerRun("B")], last_build="A")  # a rollout and a rollback
@example(
    runs=[WorkerRun("A", meanwhile=True), WorkerRun("B")], last_build="B"
)  # B takes over while A encodes
@example(runs=[WorkerRun("A"), WorkerRun("B", kill=0, after=True), WorkerRun("A")], last_build="A")
def test_one_build_encodes_all_chunks_wherever_workers_are_killed(
    runs: list[WorkerRun], last_build: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        remaining_runs = iter(runs)
        simulation = _simulation(Path(folder), remaining_runs)
        with simulation.ledger:
            for worker_run in remaining_runs:
                simulation.run(worker_run)
            simulation.finish(last_build)
            assert [type(outcome) for outcome in simulation.assemble()[:2]] == [Done, Done]
            chunks = [
                PartStore(LocalStore(simulation.root)).get(_PLAN.part_key("chunk", i)) for i in range(4)
            ]
            assert len({ffmpeg_build(part) for part in chunks}) == 1


def test_with_one_build_only_the_planned_jobs_exist(tmp_path: Path) -> None:
    simulation = _simulation(tmp_path)
    with simulation.ledger:
        simulation.finish("A")
        simulation.assemble()
        assert len(simulation.ledger.jobs(asset=_PLAN.asset)) == len(plan_jobs(_PLAN, "request"))


def test_a_takeover_encodes_all_earlier_chunks_again_before_assembly(tmp_path: Path) -> None:
    simulation = _simulation(tmp_path)
    with simulation.ledger:
        for build in "AAAB":
            simulation.run(WorkerRun(build))
        again = [job.id for job in simulation.ledger.jobs(asset=_PLAN.asset) if "-again" in job.id]
        assert len(again) == 3
        assert simulation.assemble() == []
        simulation.finish("B")
        assert len(simulation.assemble()) >= 2


def test_jobs_that_fail_on_mixed_builds_are_recognised(tmp_path: Path) -> None:
    simulation = _simulation(tmp_path)
    with simulation.ledger:
        simulation.finish("A")
        # A part that was copied by hand.
        output_file = tmp_path / "video.mp4"
        output_file.write_text("B")
        parts = PartStore(LocalStore(simulation.root))
        parts.save(
            _PLAN.part_key("chunk", 2),
            {output_file.name: output_file},
            {"ffmpeg": ffmpeg_identity(_tools("B"))},
            0.0,
        )
        outcomes = simulation.assemble()
        assert all(isinstance(outcome, Failed) and not outcome.retry for outcome in outcomes)
        dead = [job for job in simulation.ledger.jobs(asset=_PLAN.asset) if job.state is State.DEAD]
        assert dead
        assert all(failed_on_mixed_builds(job) for job in dead)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"build":[],"by":"x","at":1,"before":[]}',
        b'{"build":"A","by":"x","at":1e300,"before":[]}',
        b'{"build":"A","by":"x","at":1,"before":[[]]}',
        b'{"build":"A","by":"x","at":1,"before":[],"more":1}',
    ],
)
def test_an_invalid_record_is_replaced(tmp_path: Path, data: bytes) -> None:
    store = LocalStore(tmp_path / "store")
    store.put_bytes(_PLAN.key, canonical(_PLAN.to_json()))
    key = f"{_PLAN.part_key('chunk')}s-h264.json"
    store.put_bytes(key, data)
    runtime = Runtime(store=store, tools=_tools("A"), scratch=tmp_path / "scratch", history=history_from_spec)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.submit(list(plan_jobs(_PLAN, "request")))
        claims = ledger.claim("me", pools=("cpu",), limit=50, lease_s=60)
    job = next(claim.job for claim in claims if claim.job.kind == "chunk")
    handle = step_handler(runtime, lambda _task: StepOutput())
    assert handle(job, JobContext(attempt=1)).result == {"bytes_read": 0}
    assert json.loads(store.get(key))["build"] == "A"
