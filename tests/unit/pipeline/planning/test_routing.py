"""A single machine routes its jobs by what its FFmpeg can do."""

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


def _profile_with(**changes: object) -> Profile:
    plain = profiles.load_profile("fast").model_dump(mode="json")
    return Profile.model_validate({**plain, "rungs": [{**plain["rungs"][0], **changes}]})


def _gpu_first(**codecs: str) -> Pools:
    plain = load_pools().model_dump(mode="json")
    for name, pool in plain["pools"].items():
        pool.pop("name")
        pool.update({key: list(pool[key]) for key in ("kinds", "encoders")}, cost=1 if name == "gpu" else 4)
        if name == "gpu":
            pool["codecs"] |= codecs
            pool["capacity"] = {}
    return Pools.model_validate(plain)


@pytest.mark.parametrize("name", profiles.profile_names())
def test_built_in_profiles_use_the_cpu_pools(tools: Toolchain, name: str) -> None:
    profile = profiles.load_profile(name)
    for router in (fleet_router(load_pools()), local_router(load_pools(), tools)):
        found = router(profile, _VIDEO)
        assert found.pool("inspect") == "light"
        assert set(found.chunk_pools) == {each.codec for each in profile.rungs}
        assert set(found.chunk_pools.values()) == {"cpu"}
        assert set(found.encoders.values()) <= {"libx264", "libx265", "libsvtav1"}


def test_a_gpu_encoder_is_routed_to_the_gpu_pool() -> None:
    profile = _profile_with(encoder="h264_nvenc", preset="p4")
    assert fleet_router(load_pools())(profile, _VIDEO).chunk_pool("h264") == "gpu"


def test_an_encoder_that_ffmpeg_lacks_is_reported_with_a_remedy(tools: Toolchain) -> None:
    reduced_tools = replace(tools, encoders=tools.encoders - {"libx265", "hevc_nvenc"})
    with pytest.raises(UnsupportedError, match="built without libx265") as caught:
        local_router(load_pools(), reduced_tools)(_profile_with(codec="hevc"), _VIDEO)
    assert "--enable-libx265" in caught.value.remedy
    # The same FFmpeg is sufficient for another profile.
    assert local_router(load_pools(), reduced_tools)(_profile_with(), _VIDEO).chunk_pool("h264") == "cpu"


def _is_without_gpu() -> bool:
    return not Path("/dev/nvidiactl").exists()


@pytest.mark.skipif(not _is_without_gpu(), reason="there is a GPU")
def test_a_missing_gpu_is_detected_before_it_is_used(tools: Toolchain) -> None:
    with pytest.raises(UnsupportedError, match="pool gpu needs: h264_nvenc"):
        local_router(load_pools(), tools)(_profile_with(encoder="h264_nvenc", preset="p4"), _VIDEO)


@pytest.mark.skipif(not _is_without_gpu(), reason="there is a GPU")
def test_without_a_gpu_a_cheaper_gpu_pool_is_not_used(tools: Toolchain) -> None:
    pools = _gpu_first()
    assert fleet_router(pools)(_profile_with(), _VIDEO).chunk_pool("h264") == "gpu"
    found = local_router(pools, tools)(_profile_with(), _VIDEO)
    assert (found.chunk_pool("h264"), found.encoders["h264"]) == ("cpu", "libx264")


def test_a_source_that_an_encoder_does_not_accept_is_routed_to_the_next_pool() -> None:
    router = fleet_router(_gpu_first())
    assert router(_profile_with(), replace(_VIDEO, variable_rate=True)).chunk_pool("h264") == "cpu"
    assert router(_profile_with(), replace(_VIDEO, width=160, height=120)).chunk_pool("h264") == "cpu"
    assert router(_profile_with(), _VIDEO).chunk_pool("h264") == "gpu"
    with pytest.raises(UnsupportedError, match="h264_nvenc cannot limit the bitrate"):
        router(_profile_with(encoder="h264_nvenc", preset="p4"), replace(_VIDEO, variable_rate=True))


def test_a_source_that_no_encoder_accepts_fails_with_the_first_error() -> None:
    with pytest.raises(UnsupportedError, match="10x6 is too small for av1_nvenc"):
        fleet_router(_gpu_first(av1="av1_nvenc"))(
            _profile_with(codec="av1", preset="8"), replace(_VIDEO, width=10, height=6)
        )
