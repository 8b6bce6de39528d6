"""A draft has the jobs of the analysis; what they choose completes it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.media.crf_search.rungs import probe
from tests.unit.pipeline.source_facts import facts

from eddyline.core.identity import canonical
from eddyline.media.ladder.profile import load_profile
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.planning.job_spec import JobSpecError, read_plan
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import plan_jobs
from eddyline.pipeline.planning.selection import Selection, reason_for_fixed_crf
from eddyline.pipeline.publication.selection_sections import crf, smart
from eddyline.pipeline.steps.ladder import select

ASSET = "0123456789abcdef"


def _draft(profile: str = "smart", frames: int = 20_000, **changes: Any) -> Plan:
    source = facts(frames=frames)
    return Plan.create(
        asset=ASSET,
        name="a.mp4",
        facts=replace(source, video=replace(source.video, **changes)),
        profile=load_profile(profile),
        toolchain="tools",
    )


def _complete(draft: Plan, easy: float = 3.0, hard: float = 12.0) -> Plan:
    """The plan of a source whose first half is easy and whose second half is hard."""
    middle = draft.facts.video.frames / 2
    probes = [
        {
            rung.name: [
                probe(
                    22,
                    loss_at_22=easy if chunk.start < middle else hard,
                    chunk=chunk.index,
                    start=chunk.start + at,
                ).to_json()
                for chunk in analysis.chunks
                for at in (0, 100)
            ]
            for rung in draft.rungs
            if rung.family == analysis.family
        }
        for analysis in draft.analyses
    ]
    return draft.complete(select(draft, probes))


def test_a_draft_has_only_the_jobs_that_complete_it() -> None:
    draft = _draft()
    options = JobOptions(owner="me")
    jobs = plan_jobs(draft, "request", options)
    assert {job.kind for job in jobs} == {"analyze", "ladder"}
    (ladder,) = (job for job in jobs if job.kind == "ladder")
    assert set(ladder.dependencies) == {job.id for job in jobs if job.kind == "analyze"}
    assert JobOptions.from_json(ladder.spec["terms"]) == options
    assert {job.pool for job in jobs} == {"cpu", "light"}


def test_the_analyses_cover_every_chunk_of_a_family_once() -> None:
    draft = _draft()
    chunks = [chunk.index for analysis in draft.analyses for chunk in analysis.chunks]
    assert chunks == [chunk.index for chunk in draft.chunks]
    assert len(draft.analyses) > 1


def test_a_complete_plan_has_all_other_jobs_and_its_own_key() -> None:
    draft = _draft()
    plan = _complete(draft)
    kinds = {job.kind for job in plan_jobs(plan, "request")}
    assert {"chunk", "publish", "preview"} <= kinds
    assert not kinds & {"inspect", "analyze", "ladder"}
    assert plan.key != draft.key
    assert plan.part_key("inspect") == draft.part_key("inspect")
    assert plan.part_key("chunk", 0) != draft.part_key("chunk", 0)


def test_each_chunk_is_encoded_with_its_own_crf_and_the_preview_with_that_of_the_first() -> None:
    plan = _complete(_draft())
    own = plan.chunks_of("h264")
    first, last = plan.rungs_of_chunk(own[0])[0], plan.rungs_of_chunk(own[-1])[0]
    assert first.crf > last.crf
    assert plan.preview is not None
    preview = plan.chunks[-1]
    (shown,) = plan.rungs_of_chunk(preview)
    assert shown.crf == next(r.crf for r in plan.rungs_of_chunk(own[0]) if r.name == shown.name)


def test_the_same_probes_give_the_same_plan_and_other_probes_another() -> None:
    draft = _draft()
    assert canonical(_complete(draft).to_json()) == canonical(_complete(draft).to_json())
    assert _complete(draft).digest != _complete(draft, easy=4.0).digest


def test_redundant_rungs_are_not_encoded() -> None:
    plan = _complete(_draft())  # all rungs have the same bits in these probes
    assert [rung.name for rung in plan.rungs] == ["1080p"]
    assert set(plan.selection.dropped if plan.selection else ()) == {"720p", "480p", "360p"}
    assert {each["name"] for each in smart(plan)["smart"]["dropped"]} == {"720p", "480p", "360p"}
    described = crf(plan, plan.rungs[0])["crf"]
    assert described["min"] < described["mean"] < described["max"]
    assert described["expected"]["probes"] == 2 * len(plan.chunks_of("h264"))


def test_a_plan_with_a_selection_round_trips_through_the_store() -> None:
    plan = _complete(_draft())
    assert read_plan(canonical(plan.to_json()), ASSET) == plan


@pytest.mark.parametrize("crfs", [[22], ["22"], [-1.0], [None], []])
def test_a_hostile_selection_is_refused(crfs: list[Any]) -> None:
    plain = json.loads(canonical(_complete(_draft()).to_json()))
    count = len(plain["selection"]["crfs"]["1080p"])
    plain["selection"]["crfs"]["1080p"] = crfs * (count if crfs != [22] else 1)
    with pytest.raises(JobSpecError):
        read_plan(canonical(plain), ASSET)


def test_hdr_keeps_the_crf_of_the_profile_and_says_why() -> None:
    profile = load_profile("hevc-hdr").model_copy(update={"smart": load_profile("smart").smart})
    source = facts(frames=2000)
    video = replace(source.video, transfer="smpte2084", primaries="bt2020", pixel_format="yuv420p10le")
    draft = Plan.create(
        asset=ASSET, name="a", facts=replace(source, video=video), profile=profile, toolchain="t"
    )
    assert {analysis.family for analysis in draft.analyses} == {"h264"}
    hdr = next(rung for rung in draft.rungs if rung.family == "hevc-hdr")
    assert "HDR" in reason_for_fixed_crf(video, hdr)


def test_without_smart_or_with_hardware_encoders_no_crf_is_searched() -> None:
    assert not _draft("default").is_draft
    assert crf(_draft("default"), _draft("default").rungs[0]) == smart(_draft("default")) == {}
    source = facts()
    plan = Plan.create(
        asset=ASSET,
        name="a",
        facts=source,
        profile=load_profile("smart"),
        toolchain="t",
        encoders={"h264": "h264_nvenc"},
    )
    assert not plan.is_draft
    assert "h264_nvenc" in crf(plan, plan.rungs[0])["crf"]["fixed"]


def test_a_selection_round_trips_through_json() -> None:
    selection = Selection(crfs={"a": (22.5, 23)}, dropped={"b": "why"}, expected={"a": {}}, jobs=2)
    assert Selection.from_json(json.loads(canonical(selection.to_json()))) == selection
