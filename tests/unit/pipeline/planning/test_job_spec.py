"""Jobs of a queue and plans of a store are untrusted: no value becomes a path unchecked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from tests.fuzz.mutation import mutated
from tests.unit.pipeline.source_facts import facts

from eddyline.core.identity import canonical
from eddyline.graph.coordinator.wire import publication_from_json, publication_to_json
from eddyline.graph.job import Failed, Job
from eddyline.graph.messages import STRIDE, Publication
from eddyline.graph.states import State
from eddyline.graph.worker.handler import JobContext, run_handler
from eddyline.media.ladder.profile import load_profile
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.job_spec import InspectSpec, JobSpecError, StepSpec, read_plan
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import inspect_job, plan_jobs
from eddyline.pipeline.runtime.history import history_from_spec
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.steps.table import handlers
from eddyline.store.local import LocalStore

ASSET = "0123456789abcdef"
PLAN = Plan.create(asset=ASSET, name="a.mp4", facts=facts(), profile=load_profile("fast"), toolchain="fleet")
KINDS = sorted({"inspect", *(job.kind for job in plan_jobs(PLAN, "request"))})
HOSTILE_VALUES: list[Any] = [
    "..",
    "../../victim",
    "/",
    "/etc/passwd",
    "a/../../b",
    "",
    ".",
    None,
    7,
    [],
    {},
    "x\0y",
    1 << 70,
    -1,
    True,
]


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    store = LocalStore(tmp_path / "store")
    store.put_bytes(PLAN.key, canonical(PLAN.to_json()))
    return Runtime(
        store=store,
        tools=Toolchain.find(),
        scratch=tmp_path / "scratch",
        history=history_from_spec,
        disk_wait_s=0,
    )


def _job(kind: str, **changes: Any) -> Job:
    """A job of that kind, as parsed from a queue message."""
    jobs = [inspect_job(asset=ASSET, name="n", fingerprint="f", request="k", profile=PLAN.profile)]
    new = next(job for job in (*jobs, *plan_jobs(PLAN, "request")) if job.kind == kind)
    fields: dict[str, Any] = {
        **dict.fromkeys(("unmet", "attempt", "starts", "interruptions", "losses", "fence"), 0),
        **dict.fromkeys(("lease_owner", "lease_deadline", "ready_at", "result", "output", "error")),
        **dict.fromkeys(("started", "finished")),
    }
    given = {name: value for name, value in vars(new).items() if name != "entry"}  # of new jobs only
    job = Job(**{**given, **changes}, state=State.READY, **fields)
    return publication_from_json(
        json.loads(json.dumps(publication_to_json(Publication(job=job, base=STRIDE))))
    ).job


def _tree(top: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["plan", "index", "ask", "asset"])
def test_no_value_of_a_spec_reaches_a_path(tmp_path: Path, runtime: Runtime, kind: str, field: str) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "video.mp4").write_bytes(b"precious")
    runtime.scratch.mkdir()
    before = _tree(tmp_path)
    job = _job(kind)
    if field not in job.spec:
        return
    for value in HOSTILE_VALUES:
        if field == "index" and value == job.spec["index"]:
            continue
        hostile = replace(job, spec={**job.spec, field: value})
        outcome = run_handler(handlers(runtime)[kind], hostile, JobContext(attempt=1))
        if kind == "tidy":  # it uses its asset only
            continue
        assert isinstance(outcome, Failed), (value, outcome)
        assert outcome.error["error"] == "JobSpecError", (value, outcome)
        assert not outcome.retry
    if kind != "tidy":
        assert _tree(tmp_path) == before


@pytest.mark.parametrize("asset", ["", ".", "..", "../..", "a", "0123456789abcde", "/", "assets"])
def test_a_job_with_an_invalid_asset_removes_nothing(tmp_path: Path, runtime: Runtime, asset: str) -> None:
    before = _tree(tmp_path)
    for kind in KINDS:
        outcome = run_handler(
            handlers(runtime)[kind], replace(_job(kind), asset=asset), JobContext(attempt=1)
        )
        assert isinstance(outcome, Failed)
        assert outcome.error["error"] == "JobSpecError"
    assert _tree(tmp_path) == before


@pytest.mark.parametrize("name", ["../victim", "..", ".", "/etc", "a/b", "x" * 5000, "\0"])
def test_no_job_id_reaches_the_scratch_directory(tmp_path: Path, runtime: Runtime, name: str) -> None:
    (tmp_path / "victim").mkdir()
    runtime.scratch.mkdir()
    (runtime.scratch / "other").mkdir()
    context = JobContext(attempt=1)
    with runtime.scratch_directory(replace(_job("poster"), id=name), context.stop) as work:
        assert work.parent == runtime.scratch
        assert work.name.isalnum()
    assert (tmp_path / "victim").is_dir()
    assert [each.name for each in runtime.scratch.iterdir()] == ["other"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("asset",), "fedcba9876543210"),
        (("source",), "../../x"),
        (("source",), ".eddyline/parts/fedcba9876543210/source"),
        (("rungs", 0, "name"), "../../../tmp/x"),
        (("rungs", 0, "name"), ""),
        (("rungs", 0, "encoder"), "-f"),
        (("rungs", 0, "preset"), "fast,movie=/etc/passwd"),
        (("rungs", 0, "pixel_format"), "yuv420p[x];movie=/etc/passwd"),
        (("facts", "video", "pixel_format"), "yuv420p,movie=/etc/passwd"),
        (("facts", "video", "transfer"), ["bt709"]),
        (("facts", "video", "hdr_metadata"), {"content_light": ["1:qp=0", 1]}),
        (("facts", "video", "hdr_metadata"), {"mastering_display": [1, 2]}),
        (("facts", "video", "hdr_metadata"), [5]),
        (("facts", "audio", 0, "layout"), "stereo[x];amovie=/etc/passwd"),
        (("facts", "audio", 0, "channels"), 0),
        (("facts", "audio", 0, "ambisonic"), [0, 1, 1, 3]),
        (("facts", "audio", 0, "ambisonic"), [0, 1, 2, "3"]),
        (("chunks", 0), "ab"),
        (("grid",), None),
    ],
)
def test_a_hostile_plan_is_rejected(path: tuple[str | int, ...], value: object) -> None:
    plain: Any = json.loads(canonical(PLAN.to_json()))
    inner = plain
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(JobSpecError):
        read_plan(canonical(plain), ASSET)
    assert read_plan(canonical(PLAN.to_json()), ASSET) == PLAN


def test_a_title_may_contain_filter_syntax() -> None:
    plain: Any = json.loads(canonical(PLAN.to_json()))
    plain["facts"]["audio"][0]["title"] = "Director's cut: [1], \\ = ; \n"
    assert read_plan(canonical(plain), ASSET).facts.audio[0].title.startswith("Director's")


@given(mutated([json.loads(canonical(PLAN.to_json()))]))
def test_a_mutated_plan_is_parsed_or_rejected(plain: Any) -> None:
    try:
        plan = read_plan(json.dumps(plain).encode(), ASSET)
    except JobSpecError:
        return
    assert plan.asset == ASSET


@given(mutated([vars(_job(kind))["spec"] for kind in ("inspect", "chunk", "assemble", "publish")]))
def test_a_mutated_spec_is_parsed_or_rejected(spec: Any) -> None:
    job = replace(_job("chunk"), spec=spec)
    for parse in (StepSpec.parse, InspectSpec.parse):
        try:
            parse(job)
        except JobSpecError:
            continue


DEEPLY_NESTED: Any = json.loads("[" * 500 + "]" * 500)
INVALID_VALUES: dict[str, list[Any]] = {
    "profile": [None, [], "default", {}, {"name": "../x"}, DEEPLY_NESTED],
    "terms": [None, [], {"x": 1}, {"urgency": []}, {"urgency": "now"}, {"owner": 7}],
    "name": [None, [], "x" * 3000],
    "fingerprint": [7],
}
INVALID_DEADLINES: list[Any] = ["soon", -1, 1e300, [], True]
INVALID_VALUES["terms"] += [{"deadline": value} for value in INVALID_DEADLINES]


@pytest.mark.parametrize(
    "change",
    [{name: value} for name, values in INVALID_VALUES.items() for value in values],
    ids=lambda each: str(each)[:40],
)
def test_an_inspect_spec_is_parsed_strictly(runtime: Runtime, change: dict[str, Any]) -> None:
    job = _job("inspect")
    outcome = run_handler(
        handlers(runtime)["inspect"], replace(job, spec={**job.spec, **change}), JobContext(attempt=1)
    )
    assert isinstance(outcome, Failed)
    assert outcome.error["error"] == "JobSpecError"


def test_the_specs_that_eddyline_writes_are_accepted(runtime: Runtime) -> None:
    for new in plan_jobs(PLAN, "request"):
        spec = StepSpec.parse(_job(new.kind, spec=new.spec))
        if new.kind != "tidy":
            spec.check(new.kind, PLAN)
    assert InspectSpec.parse(_job("inspect")).name == "n"
    assert runtime.plan(PLAN.key) == PLAN
