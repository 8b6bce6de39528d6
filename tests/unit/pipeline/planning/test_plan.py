from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

from tests.unit.pipeline.source_facts import facts

from eddyline.core.identity import canonical
from eddyline.fleet.routing import built_in_route
from eddyline.media.ladder.profile import Profile, load_profile
from eddyline.media.source.source import SubtitleFacts
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import inspect_job, plan_jobs


def _plan(
    profile: str | Profile = "default", toolchain: str = "tools", *, frames: int = 1000, audio: int = 1
) -> Plan:
    chosen = load_profile(profile) if isinstance(profile, str) else profile
    return Plan.create(
        asset="0123456789abcdef",
        name="a.mp4",
        facts=facts(frames=frames, audio=audio),
        profile=chosen,
        toolchain=toolchain,
    )


def test_a_plan_round_trips_through_json() -> None:
    plan = _plan()
    again = Plan.from_json(json.loads(canonical(plan.to_json())))
    assert again == plan
    assert again.digest == plan.digest


def test_the_chunks_cover_every_frame_once() -> None:
    plan = _plan(frames=5000)
    chunks = plan.chunks_of(plan.families[0])
    assert chunks[0].start == 0
    assert chunks[-1].stop == 5000
    assert all(one.stop == two.start for one, two in pairwise(chunks))


def test_another_toolchain_or_profile_gives_another_key() -> None:
    keys = {_plan().key, _plan(toolchain="other").key, _plan("fast").key}
    assert len(keys) == 3


def test_a_rendition_depends_only_on_the_chunks_of_its_family() -> None:
    plan = _plan("modern", frames=20_000)
    jobs = {job.id.split(".", 2)[2]: job for job in plan_jobs(plan, "request")}
    for rung in plan.rungs:
        needed = {each for each in jobs[f"assemble-{rung.name}"].dependencies if ".chunk-" in each}
        assert {int(each.rpartition("-")[2]) for each in needed} == {
            chunk.index for chunk in plan.chunks_of_rung(rung)
        }


def test_the_chunks_of_each_codec_go_to_its_pool() -> None:
    plan = _plan("modern", frames=20_000)
    route = replace(built_in_route(), chunk_pools={"h264": "gpu", "av1": "cpu"})
    pools = {
        plan.chunks[int(job.spec["index"])].family: job.pool
        for job in plan_jobs(plan, "request", route=route)
        if job.kind == "chunk"
    }
    assert pools == {"h264": "gpu", "av1": "cpu"}


def test_a_plan_of_an_earlier_version_is_read() -> None:
    plain = json.loads(canonical(_plan().to_json()))
    plain["chunks"] = [each[:2] for each in plain["chunks"]]
    for rung in plain["rungs"]:
        del rung["family"], rung["frame_step"]
    plan = Plan.from_json(plain)
    assert plan.chunks_of(plan.rungs[0].family) == plan.chunks


def test_dependencies_precede_their_dependents() -> None:
    earlier: set[str] = set()
    for job in plan_jobs(_plan(audio=2), "request"):
        assert set(job.dependencies) <= earlier
        earlier.add(job.id)


def test_publish_depends_on_all_other_jobs_and_tidy_on_publish() -> None:
    *jobs, tidy = plan_jobs(_plan(), "request")
    reached: set[str] = set()
    pending = [jobs[-1]]
    by_id = {job.id: job for job in jobs}
    while pending:
        for dependency in pending.pop().dependencies:
            reached.add(dependency)
            pending.append(by_id[dependency])
    assert jobs[-1].kind == "publish"
    assert reached == set(by_id) - {jobs[-1].id}
    assert (tidy.kind, tidy.dependencies) == ("tidy", (jobs[-1].id,))


def test_a_source_without_audio_has_no_audio_job() -> None:
    assert [job.kind for job in plan_jobs(_plan(audio=0), "request")].count("audio") == 0


def test_every_job_of_an_asset_inherits_its_options() -> None:
    plan, options = _plan(), JobOptions(owner="club", urgency="bulk", deadline=5e9)
    plain = (
        inspect_job(asset="a", name="n", fingerprint="f", request="k", profile=plan.profile),
        *plan_jobs(plan, "k"),
    )
    first = inspect_job(
        asset="a", name="n", fingerprint="f", request="k", profile=plan.profile, options=options
    )
    bulk = (first, *plan_jobs(plan, "k", JobOptions.from_json(first.spec["terms"])))
    assert {(job.owner, job.deadline) for job in bulk} == {("club", 5e9)}
    assert [job.priority for job in bulk] == [job.priority + 100 for job in plain]
    assert {(job.owner, job.deadline) for job in plain} == {("", None)}


def test_a_plan_with_all_tracks_has_jobs_of_all_kinds() -> None:
    plan = _plan()
    facts = replace(plan.facts, subtitles=(SubtitleFacts(track=3, codec="mov_text"),))
    plan = replace(plan, facts=facts)
    first = inspect_job(asset="a", name="n", fingerprint="f", request="k", profile=plan.profile)
    draft = _plan("smart")
    jobs = (first, *plan_jobs(draft, "request"), *plan_jobs(plan, "request"))
    assert {job.kind for job in jobs} == set(JOB_KINDS)


def test_a_profile_without_packaging_has_no_package_job() -> None:
    profile = load_profile("default").model_copy(update={"package": False})
    assert "package" not in {job.kind for job in plan_jobs(_plan(profile), "request")}
