"""Jobs are assigned to the cheapest pool that can run them, depending only on the pools and the codecs."""

from __future__ import annotations

from typing import Any

import pytest

from eddyline.core.errors import UnsupportedError
from eddyline.fleet.pools import Pools, load_pools
from eddyline.fleet.routing import plan_route, restrict_encoders

_SLOT = {"vcpu": 1, "memory_mib": 512}
_LIGHT_KINDS = ["inspect", "poster", "publish"]


def _pools(**pools: dict[str, Any]) -> Pools:
    return Pools.model_validate({"pools": {name: {"slot": _SLOT, **pool} for name, pool in pools.items()}})


_MIXED = _pools(
    light={"kinds": _LIGHT_KINDS, "cost": 1},
    plain={"kinds": ["chunk"], "cost": 2, "codecs": {"h264": "libx264"}},
    full={
        "kinds": ["chunk", "poster"],
        "cost": 5,
        "codecs": {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"},
        "encoders": ["h264_nvenc"],
    },
)


def test_the_built_in_pools_route_chunks_to_cpu_and_other_jobs_to_light() -> None:
    found = plan_route(load_pools(), {"h264": (), "hevc": (), "av1": ()})
    assert found.chunk_pools == {"h264": "cpu", "hevc": "cpu", "av1": "cpu"}
    assert set(found.pools.values()) == {"light"}
    assert found.encoders == {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"}


@pytest.mark.parametrize(
    ("names", "pool"),
    [
        ((), "plain"),
        ({""}, "plain"),
        ({"libx264"}, "plain"),
        ({"h264_nvenc"}, "full"),
        ({"", "h264_nvenc"}, "full"),
    ],
)
def test_the_chunks_of_a_codec_go_to_the_cheapest_pool_with_all_its_encoders(
    names: set[str], pool: str
) -> None:
    found = plan_route(_MIXED, {"h264": names})
    assert found.chunk_pools == {"h264": pool}
    assert found.pool("poster") == "light"


def test_each_codec_has_its_own_pool_and_encoder() -> None:
    pools = _pools(
        gpu={"kinds": ["chunk"], "cost": 1, "codecs": {"h264": "h264_nvenc"}},
        cpu={"kinds": ["chunk"], "cost": 2, "codecs": {"h264": "libx264", "av1": "libsvtav1"}},
    )
    found = plan_route(pools, {"h264": (), "av1": ()})
    assert found.chunk_pools == {"h264": "gpu", "av1": "cpu"}
    assert found.encoders == {"h264": "h264_nvenc", "av1": "libsvtav1"}
    with pytest.raises(UnsupportedError, match=r"encode hevc.*pools\.yaml"):
        plan_route(pools, {"h264": (), "hevc": ()})
    with pytest.raises(UnsupportedError, match="chunk jobs with hevc_nvenc"):
        plan_route(pools, {"hevc": {"hevc_nvenc"}})
    with pytest.raises(UnsupportedError, match="no pool encodes hevc"):
        found.chunk_pool("hevc")


def test_a_kind_that_no_pool_runs_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match="no pool runs package jobs"):
        plan_route(_MIXED, {"h264": ()}).pool("package")


def test_a_restricted_pool_keeps_the_codecs_that_the_ffmpeg_build_has() -> None:
    left = restrict_encoders(_MIXED, {"libx264", "libx265"})
    assert dict(left["full"].codecs) == {"h264": "libx264", "hevc": "libx265"}
    assert left["full"].encoders == frozenset()
    assert left["full"].cost == 5
    with pytest.raises(UnsupportedError):
        plan_route(left, {"av1": ()})


def test_subtitles_are_routed_like_telemetry_if_no_pool_lists_the_kind() -> None:
    found = plan_route(
        _pools(all={"kinds": ["telemetry", "chunk"], "cost": 1, "codecs": {"h264": "libx264"}}), {"h264": ()}
    )
    assert found.pool("subtitles") == "all"
