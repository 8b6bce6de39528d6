"""Which sources have a preview, and how it grows."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.unit.pipeline.source_facts import facts

from eddyline.core.identity import canonical
from eddyline.media.ladder.profile import (
    AudioSettings,
    EncryptionSettings,
    LoudnessSettings,
    Profile,
    load_profile,
)
from eddyline.pipeline.planning.job_spec import JobSpecError, read_plan
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import plan_jobs
from eddyline.pipeline.planning.preview import extension_sizes

ASSET = "0123456789abcdef"


def _plan(profile: str | Profile = "default", *, frames: int = 20_000) -> Plan:
    chosen = load_profile(profile) if isinstance(profile, str) else profile
    return Plan.create(
        asset=ASSET, name="a.mp4", facts=facts(frames=frames, audio=1), profile=chosen, toolchain="tools"
    )


def test_the_preview_is_the_lowest_rung_of_h264() -> None:
    plan = _plan("modern")
    assert plan.preview is not None
    rung = plan.rung(plan.preview.rung)
    h264 = [each for each in plan.rungs if each.codec == "h264"]
    assert rung == min(h264, key=lambda each: each.width * each.height)


def test_every_frame_of_the_rung_is_encoded_once() -> None:
    plan = _plan()
    assert plan.preview is not None
    own, first, *_ = plan.chunks_of_rung(plan.rung(plan.preview.rung))
    assert (own.start, own.stop) == (0, plan.grid.segment)
    assert plan.skipped(first) == {plan.preview.rung: own.stop}
    assert plan.rungs_of_chunk(own) == (plan.rung(plan.preview.rung),)
    others = [chunk for chunk in plan.chunks if chunk not in (own, first)]
    assert all(plan.skipped(chunk) == {} for chunk in (own, *others))


def test_the_first_segment_is_a_job_before_all_other_chunks() -> None:
    plan = _plan()
    jobs = {job.id.split(".", 2)[2]: job for job in plan_jobs(plan, "request")}
    own = jobs[f"chunk-{plan.chunks[-1].index:04d}"]
    assert own.priority < min(job.priority for job in jobs.values() if job.kind == "chunk" and job is not own)
    assert own.dependencies == ()
    assert jobs["preview"].dependencies == (own.id,)


def test_extensions_depend_on_the_first_chunks_and_on_each_other() -> None:
    plan = _plan()
    assert plan.preview is not None
    jobs = {job.id.split(".", 2)[2]: job for job in plan_jobs(plan, "request")}
    for earlier, size in pairwise((0, *plan.preview.extensions)):
        names = {each.split(".", 2)[2] for each in jobs[f"extend-{size:04d}"].dependencies}
        chunks = {f"chunk-{each.index:04d}" for each in plan.extension_chunks(size)}
        assert names == {"preview", "audio-0000", *chunks, *([f"extend-{earlier:04d}"] if earlier else [])}
        assert len(chunks) == size + 1


def test_extensions_become_rarer() -> None:
    assert extension_sizes(1) == ()
    assert extension_sizes(12) == (1, 2, 3, 4, 5, 6, 7, 8, 10)
    assert len(extension_sizes(1000)) < 35


def test_a_short_source_has_no_preview() -> None:
    assert _plan("fast", frames=100).preview is None


def test_a_profile_without_streaming_or_h264_has_no_preview() -> None:
    profile = load_profile("default")
    assert _plan(profile.model_copy(update={"package": False})).preview is None
    hevc = tuple(each.model_copy(update={"codec": "hevc", "preset": "fast"}) for each in profile.rungs)
    assert _plan(profile.model_copy(update={"rungs": hevc})).preview is None


def test_an_encrypted_stream_has_no_preview_in_the_clear() -> None:
    encryption = EncryptionSettings(scheme="cbcs", key="main")
    assert _plan(load_profile("default").model_copy(update={"encryption": encryption})).preview is None


def test_h264_on_a_gpu_has_no_preview_because_a_fallback_would_change_it() -> None:
    planned = _plan()
    on_gpu = Plan.create(
        asset=planned.asset,
        name=planned.name,
        facts=planned.facts,
        profile=planned.profile,
        toolchain=planned.toolchain,
        encoders={"h264": "h264_nvenc"},
    )
    assert planned.preview is not None
    assert on_gpu.preview is None


def test_the_preview_of_normalised_audio_waits_for_the_audio() -> None:
    audio = AudioSettings(normalise=LoudnessSettings(target_lufs=-16))
    plan = _plan(load_profile("default").model_copy(update={"audio": audio}))
    kinds = [job.kind for job in plan_jobs(plan, "request")]
    assert "preview" not in kinds
    assert "extend" in kinds
    assert not any(chunk.rung for chunk in plan.chunks)


def test_a_plan_with_a_preview_round_trips_and_is_checked() -> None:
    plan = _plan()
    assert read_plan(canonical(plan.to_json()), ASSET) == plan
    assert plan.preview is not None
    for wrong in (
        replace(plan.preview, rung="../x"),
        replace(plan.preview, frames=-1),
        replace(plan.preview, extensions=(10**9,)),
    ):
        with pytest.raises(JobSpecError):
            read_plan(canonical(replace(plan, preview=wrong).to_json()), ASSET)
    plain = json.loads(canonical(plan.to_json()))
    plain["chunks"][-1][3] = "absent"
    with pytest.raises(JobSpecError):
        read_plan(canonical(plain), ASSET)
