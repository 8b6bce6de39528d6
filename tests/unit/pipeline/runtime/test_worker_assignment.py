"""The pools of a worker are determined, and its encoders are verified, before it claims jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from eddyline.core.errors import UnsupportedError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.fleet.pools import Pools, load_pools
from eddyline.fleet.slots import Resources, slot_count
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.runtime.worker_assignment import assign
from eddyline.pipeline.steps.table import handlers

_BIG = Resources(vcpus=16, memory=64 * 1024**3)
_SMALL: dict[str, Any] = {"wall_s": 60, "scratch_gib": 0.001}


def _pools(**changes: object) -> Pools:
    pool = {
        "kinds": ["chunk"],
        "cost": 1,
        "codecs": {"h264": "libx264"},
        "slot": {"vcpu": 1, "memory_mib": 256},
        "limits": _SMALL,
        **changes,
    }
    other = {"kinds": ["audio"], "cost": 1, "slot": {"vcpu": 1, "memory_mib": 256}, "encoders": ["aac"]}
    return Pools.model_validate({"pools": {"mine": pool, "other": {**other, "limits": _SMALL}}})


def test_a_built_in_pool_is_assigned_with_the_values_of_its_file() -> None:
    assignment = assign(load_pools(), "cpu", _BIG)
    assert assignment.pools == ("cpu", "light")
    assert assignment.slots == slot_count(_BIG, load_pools()["cpu"]) > 1
    assert assignment.ffmpeg is None
    assert assignment.encoders == {"libx264", "libx265", "libsvtav1", "aac", "mjpeg"}
    assert (assignment.limits["cpu"].wall_s, assignment.limits["light"].wall_s) == (3600, 7200)


def test_a_pools_own_build_takes_precedence_over_the_setting() -> None:
    configured = Path("/usr/bin/ffmpeg")
    assert assign(_pools(), "mine", _BIG, ffmpeg=configured).ffmpeg == configured
    with_own_build = assign(_pools(ffmpeg="/opt/own/ffmpeg"), "mine", _BIG, ffmpeg=configured)
    assert with_own_build.ffmpeg == Path("/opt/own/ffmpeg")


def test_the_number_of_slots_can_be_set() -> None:
    small = Resources(vcpus=0.2, memory=10**9)
    assert assign(_pools(), "mine", small, slots=2).slots == 2
    with pytest.raises(UsageError, match="mine needs 1 vCPU"):
        assign(_pools(), "mine", small)


@pytest.mark.parametrize("codecs", [{"h264": "h264_amf"}, {"h264": "libx265"}, {"vvc": "libvvenc"}])
def test_an_encoder_whose_chunks_cannot_be_assembled_is_rejected(codecs: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"pool mine: Eddyline cannot assemble .*pools\.yaml"):
        assign(_pools(codecs=codecs), "mine", _BIG)


def test_an_unknown_job_kind_is_rejected() -> None:
    with pytest.raises(UsageError, match="pool mine: unknown job kinds: inspekt") as error:
        assign(_pools(kinds=["chunk", "inspekt"]), "mine", _BIG)
    assert "inspect" in error.value.remedy


def test_every_job_kind_has_a_handler() -> None:
    assert set(handlers(cast("Runtime", None))) == set(JOB_KINDS)


def test_encoders_of_all_served_pools_are_verified(ffmpeg: str, tmp_path: Path) -> None:
    assign(_pools(serves=["other"]), "mine", _BIG).verify(Path(ffmpeg), tmp_path, Runner())
    broken = _pools(serves=["other"], encoders=["h264_v4l2m2m"])
    with pytest.raises(UnsupportedError, match="mine needs: h264_v4l2m2m"):
        assign(broken, "mine", _BIG).verify(Path(ffmpeg), tmp_path, Runner())


def test_a_disk_without_space_for_one_job_is_rejected(ffmpeg: str, tmp_path: Path) -> None:
    pools = _pools(limits={"scratch_gib": 60_000})
    with pytest.raises(UsageError, match=r"pool mine may need 6000 GiB in .* are free"):
        assign(pools, "mine", _BIG).verify(Path(ffmpeg), tmp_path, Runner())
