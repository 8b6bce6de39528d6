"""What one machine can do decides where it sends its own jobs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.pipeline.source_facts import facts

from eddyline.core.errors import UnsupportedError
from eddyline.fleet.pools import Pools, load_pools
from eddyline.media.ladder import profile as profiles
from eddyline.media.ladder.profile import Profile
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.routing import fleet_router, local_router

_VIDEO = facts().video


def _asking(**changes: object) -> Profile:
    plain = profiles.load_profile("fast").model_dump(mode="json")
    return Profile.model_validate({**plain, "rungs": [{**plain["rungs"][0], **changes}]})


def _gpu_first() -> Pools:
    plain = load_pools().model_dump(mode="json")
    for pool in plain["pools"].values():
        pool.pop("name")
        pool.update(
            {name: list(pool[name]) for name in ("kinds", "encoders")}, cost=1 if "gpu" in str(pool) else 4
        )
    return Pools.model_validate(plain)


@pytest.mark.parametrize("name", profiles.profile_names())
def test_the_built_in_profiles_go_where_they_always_went(tools: Toolchain, name: str) -> None:
    wished = profiles.load_profile(name)
    for router in (fleet_router(load_pools()), local_router(load_pools(), tools)):
        found = router(wished, _VIDEO)
        assert (found.pool("inspect"), found.pool("chunk")) == ("light", "cpu")
        assert set(found.encoders.values()) == {"libx264", "libx265", "libsvtav1"}


def test_a_fleet_sends_a_gpus_work_to_its_gpus() -> None:
    wished = _asking(encoder="h264_nvenc", preset="p4")
    assert fleet_router(load_pools())(wished, _VIDEO).pool("chunk") == "gpu"


def test_what_ffmpeg_was_built_without_is_told_with_what_to_install(tools: Toolchain) -> None:
    poor = replace(tools, encoders=tools.encoders - {"libx265", "hevc_nvenc"})
    with pytest.raises(UnsupportedError, match="built without libx265") as caught:
        local_router(load_pools(), poor)(_asking(codec="hevc"), _VIDEO)
    assert "--enable-libx265" in caught.value.remedy
    # The same FFmpeg does for those who ask for less.
    assert local_router(load_pools(), poor)(_asking(), _VIDEO).pool("chunk") == "cpu"


def _is_without_gpu() -> bool:
    return not Path("/dev/nvidiactl").exists()


@pytest.mark.skipif(not _is_without_gpu(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_found_out_before_footage_goes_to_it(tools: Toolchain) -> None:
    with pytest.raises(UnsupportedError, match="class gpu needs: h264_nvenc"):
        local_router(load_pools(), tools)(_asking(encoder="h264_nvenc", preset="p4"), _VIDEO)


@pytest.mark.skipif(not _is_without_gpu(), reason="there is a GPU")
def test_without_a_gpu_a_cheaper_gpu_class_is_passed_over(tools: Toolchain) -> None:
    pools = _gpu_first()
    assert fleet_router(pools)(_asking(), _VIDEO).pool("chunk") == "gpu"
    found = local_router(pools, tools)(_asking(), _VIDEO)
    assert (found.pool("chunk"), found.encoders["h264"]) == ("cpu", "libx264")


def test_footage_that_a_classs_encoder_does_not_take_goes_to_the_next_one() -> None:
    router = fleet_router(_gpu_first())
    assert router(_asking(), replace(_VIDEO, variable_rate=True)).pool("chunk") == "cpu"
    assert router(_asking(), replace(_VIDEO, width=160, height=120)).pool("chunk") == "cpu"
    assert router(_asking(), _VIDEO).pool("chunk") == "gpu"
    with pytest.raises(UnsupportedError, match="h264_nvenc cannot limit the bitrate"):
        router(_asking(encoder="h264_nvenc", preset="p4"), replace(_VIDEO, variable_rate=True))


def test_what_no_encoder_takes_is_told_as_the_first_one_told_it() -> None:
    with pytest.raises(UnsupportedError, match="10x6 is too small for av1_nvenc"):
        fleet_router(_gpu_first())(_asking(codec="av1", preset="8"), replace(_VIDEO, width=10, height=6))
