"""Each limit of a job stops real programs that exceed it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from eddyline.core.errors import ToolError
from eddyline.core.processes.resource_limits import ResourceLimits, disk_usage
from eddyline.core.processes.runner import Limits, Runner

MIB = 1024 * 1024
_REMEDY = "raise the limits"


def _python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_the_programs_of_one_job_share_its_time_limit() -> None:
    runner = Runner(job_limits=ResourceLimits(wall_s=4, remedy=_REMEDY))
    runner.run(_python("import time; time.sleep(1)"))
    started = time.monotonic()
    with pytest.raises(ToolError, match=r"stopped: it exceeded the time limit of its job, 4 s") as caught:
        runner.run(_python("import time; time.sleep(60)"))
    assert time.monotonic() - started < 30
    assert caught.value.remedy == _REMEDY


def test_the_limit_of_a_program_is_not_attributed_to_the_job() -> None:
    runner = Runner(job_limits=ResourceLimits(wall_s=60, remedy=_REMEDY))
    with pytest.raises(ToolError, match="exceeded its time limit") as caught:
        runner.run(_python("import time; time.sleep(60)"), limits=Limits(wall_s=0.3))
    assert caught.value.remedy == ""


def test_no_program_of_a_job_gets_more_memory_than_the_job() -> None:
    argv = _python(f"b = bytearray({600 * MIB}); print(len(b))")
    Runner().run(argv, limits=Limits(memory=2048 * MIB))
    with pytest.raises(ToolError, match="MemoryError"):
        Runner(job_limits=ResourceLimits(memory=500 * MIB)).run(argv, limits=Limits(memory=2048 * MIB))


def test_the_lower_of_two_memory_limits_applies() -> None:
    assert ResourceLimits(memory=500).address_space(700) == 500
    assert ResourceLimits(memory=700).address_space(500) == 500
    assert ResourceLimits().address_space(500) == 500
    assert ResourceLimits(memory=500).address_space(None) == 500
    assert ResourceLimits().address_space(None) is None


def test_a_program_that_exceeds_the_disk_limit_is_stopped(tmp_path: Path) -> None:
    argv = _python(
        "import sys, time\n"
        f"with open({str(tmp_path / 'deep' / 'flood')!r}, 'wb', buffering=0) as file:\n"
        "    for _ in range(600):\n"
        f"        file.write(bytes({MIB})); time.sleep(0.02)\n"
    )
    (tmp_path / "deep").mkdir()
    runner = Runner(job_limits=ResourceLimits(disk=10 * MIB, folder=tmp_path, remedy=_REMEDY))
    with pytest.raises(
        ToolError, match=r"it exceeded the disk limit of its job: .* GiB of 0.00977 GiB"
    ) as caught:
        runner.run(argv)
    assert caught.value.remedy == _REMEDY
    assert disk_usage(tmp_path) < 400 * MIB


def test_disk_usage_counts_the_blocks_on_disk(tmp_path: Path) -> None:
    assert disk_usage(tmp_path / "none") == 0
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "data").write_bytes(b"x" * 100_000)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(MIB)
    (tmp_path / "link").symlink_to("/")
    assert 100_000 <= disk_usage(tmp_path) < 200_000
