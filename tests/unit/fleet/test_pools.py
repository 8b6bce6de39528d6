"""Pools are read from one validated file; jobs are assigned to the cheapest pool that can run them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from eddyline.core.errors import UnsupportedError, UsageError
from eddyline.fleet.pool_coverage import UnservedPool, pool_of_worker, unserved_pools, worker_name
from eddyline.fleet.pools import BUILT_IN, Pools, cheapest_pool, load_pools
from eddyline.fleet.slots import Resources, measure_resources, slot_count
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.steps.table import handlers

GIB = 1024 * 1024 * 1024


def _write_pools(tmp_path: Path, **changes: object) -> Path:
    """Writes the built-in file with changes by path (`pools__cpu__cost=3`); None removes a key."""
    body: Any = yaml.safe_load(BUILT_IN.read_text("utf-8"))
    for name, value in changes.items():
        *parents, key = name.split("__")
        mapping = body
        for parent in parents:
            mapping = mapping[parent]
        if value is None:
            del mapping[key]
        else:
            mapping[key] = value
    path = tmp_path / "pools.yaml"
    path.write_text(yaml.safe_dump(body, sort_keys=False), "utf-8")
    return path


def test_the_built_in_pools_run_every_kind_of_job() -> None:
    kinds = set(handlers(cast("Runtime", None))) - {"analyze"}  # runs where the chunks of its family run
    assert set().union(*(pool.kinds for pool in load_pools().pools.values())) == kinds


def test_a_job_is_assigned_to_the_cheapest_pool_that_can_run_it(tmp_path: Path) -> None:
    pools = load_pools()
    assert cheapest_pool("poster", (), pools).name == "light"
    assert cheapest_pool("chunk", {"h264", "av1"}, pools).name == "cpu"
    expensive = load_pools(_write_pools(tmp_path, pools__cpu__cost=1000))
    assert cheapest_pool("chunk", {"h264"}, expensive).name == "graviton"
    without_av1 = load_pools(_write_pools(tmp_path, pools__cpu__codecs={"h264": "libx264"}))
    assert cheapest_pool("chunk", {"h264", "av1"}, without_av1).name == "graviton"


def test_of_two_pools_with_the_same_cost_the_first_is_used(tmp_path: Path) -> None:
    pools = load_pools(_write_pools(tmp_path, pools__gpu__cost=4))
    assert {cheapest_pool("chunk", {"h264"}, pools).name for _ in range(20)} == {"cpu"}


def test_a_job_that_no_pool_can_run_is_rejected() -> None:
    with pytest.raises(UnsupportedError, match=r"chunk jobs that encode vvc.*pools.yaml"):
        cheapest_pool("chunk", {"vvc"}, load_pools())
    with pytest.raises(UnsupportedError, match="no pool runs dance jobs"):
        cheapest_pool("dance", (), load_pools())


def test_a_worker_requires_the_encoders_of_all_pools_that_it_serves() -> None:
    pools = load_pools()
    assert pools["cpu"].served == ("cpu", "light")
    assert pools.required_encoders("cpu") == {"libx264", "libx265", "libsvtav1", "aac", "mjpeg"}
    assert pools.required_encoders("light") == {"aac", "mjpeg"}


def test_an_unknown_pool_is_reported_with_the_known_pools() -> None:
    with pytest.raises(UsageError, match=r"'tpu'.*light, cpu, memory, gpu, cpu-classic, graviton"):
        load_pools()["tpu"]


def test_a_pool_can_have_another_ffmpeg(tmp_path: Path) -> None:
    pools = load_pools(_write_pools(tmp_path, pools__gpu__ffmpeg="/opt/nvenc/bin/ffmpeg"))
    assert pools["gpu"].ffmpeg == Path("/opt/nvenc/bin/ffmpeg")
    assert pools["cpu"].ffmpeg is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pools__cpu__cots": 1}, "pools.cpu.cots: unknown key"),
        ({"pools__cpu__slot__vcpu": 0}, "pools.cpu.slot.vcpu: .*greater than or equal to 0.1, not '0'"),
        ({"pools__cpu__slot__vcpu": "four"}, "pools.cpu.slot.vcpu"),
        ({"pools__cpu__kinds": []}, "pools.cpu.kinds"),
        ({"pools__cpu__kinds": ["chunk", "chunk"]}, "pools.cpu.kinds: contains the same word twice"),
        ({"pools__cpu__kinds": [["chunk"]]}, "pools.cpu.kinds: expected a list of words"),
        ({"pools__cpu__encoders": [{"a": 1}]}, "pools.cpu.encoders: expected a list of words"),
        ({"pools__cpu__codecs": {"h264": "libx264; rm"}}, "pools.cpu.codecs.h264"),
        ({"pools__cpu__serves": ["tpu"]}, r"pools.cpu.serves\[0\]: 'tpu' is not a pool in this file"),
        ({"pools__light__cost": None}, "pools.light.cost: Field required"),
        ({"pools": {}}, "pools: "),
        ({"pools": {"Big Box": {}}}, "pools.Big Box"),
        ({"pools": None}, "pools: Field required"),
        ({"swimming": 1}, "swimming: unknown key"),
    ],
)
def test_an_invalid_value_is_reported_with_file_and_key(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    path = _write_pools(tmp_path, **changes)
    with pytest.raises(UsageError, match=message) as caught:
        load_pools(path)
    assert re.match(rf"{re.escape(str(path))}:\d+: ", caught.value.message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"pools: [", "not YAML"),
        (b"\xff\xfe\xff", "not YAML"),
        (b"[" * 50_000, "not YAML|the file: "),
        (b"- 1", "the file: "),
        (b"", "the file: "),
        (b"pools: {a: &x {}, b: *x}", "aliases"),
        (b"pools: {cpu: {}, cpu: {}}", "duplicate key 'cpu'"),
        (b"!!python/object/apply:os.getpid []", "not YAML"),
        (b"#" * 300_000, "larger than"),
    ],
)
def test_a_file_that_is_not_plain_yaml_is_rejected(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "pools.yaml"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=message):
        load_pools(path)


def test_an_empty_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "pools.yaml"
    path.write_text("# nothing yet")
    with pytest.raises(UsageError, match="a mapping of keys to values is required, but the value is empty"):
        load_pools(path)


def test_a_missing_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml: No such file"):
        load_pools(tmp_path / "none.yaml")


# Slots


@pytest.mark.parametrize(
    ("vcpus", "memory", "slots"),
    [
        (16, 64 * GIB, 8),
        (16, 8 * GIB, 2),  # limited by memory
        (1000, 4000 * GIB, 32),  # limited by `most`
        (2, 3.75 * GIB, 1),
    ],
)
def test_the_number_of_slots_is_limited_by_vcpus_and_memory(vcpus: float, memory: float, slots: int) -> None:
    assert slot_count(Resources(vcpus=vcpus, memory=int(memory)), load_pools()["cpu"]) == slots


def test_a_machine_too_small_for_one_slot_is_rejected() -> None:
    with pytest.raises(UsageError, match="pool cpu needs 2 vCPU and 3584 MiB; this machine has 1 vCPU and"):
        slot_count(Resources(vcpus=1, memory=64 * GIB), load_pools()["cpu"])


def _write_cgroup_files(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_container_has_the_limits_of_its_cgroup(tmp_path: Path) -> None:
    root = _write_cgroup_files(tmp_path, cpu_dot_max="50000 100000\n", memory_dot_max="1073741824\n")
    assert measure_resources(root) == Resources(vcpus=0.5, memory=GIB)


def test_the_limits_of_cgroup_version_1_are_read(tmp_path: Path) -> None:
    files = {"cpu__cpu_dot_cfs_quota_us": "100000", "cpu__cpu_dot_cfs_period_us": "100000"}
    root = _write_cgroup_files(tmp_path, **files, memory__memory_dot_limit_in_bytes="536870912")
    assert measure_resources(root) == Resources(vcpus=1.0, memory=GIB // 2)


def test_without_limits_the_entire_machine_is_available(tmp_path: Path) -> None:
    bare = measure_resources(tmp_path)
    unlimited = _write_cgroup_files(
        tmp_path,
        cpu_dot_max="max 100000",
        memory_dot_max="max",
        cpu__cpu_dot_cfs_quota_us="-1",
        memory__memory_dot_limit_in_bytes="9223372036854771712",
    )
    assert measure_resources(unlimited) == bare
    assert bare.vcpus >= 1
    assert bare.memory > GIB // 8


# Coverage


def test_a_pool_with_due_jobs_and_no_worker_is_reported() -> None:
    due = {"cpu": (3, 90.0), "gpu": (2, 300.0), "light": (1, 61.0)}
    (missing,) = unserved_pools(due, [worker_name("cpu", "host", 7)], load_pools())
    assert missing == UnservedPool(
        pool="gpu", jobs=2, waited_s=300.0, remedy="start a worker with `eddyline worker --pool gpu`"
    )


def test_a_pool_that_is_not_in_the_file_is_reported() -> None:
    (missing,) = unserved_pools({"tpu": (1, 100.0)}, [worker_name("cpu", "host", 7)], load_pools())
    assert "add a pool tpu" in missing.remedy


def test_a_pool_is_reported_only_after_a_minute() -> None:
    assert unserved_pools({"gpu": (2, 59.0)}, [], load_pools()) == ()
    assert unserved_pools({"gpu": (0, 999.0)}, [], load_pools()) == ()


def test_an_embedded_worker_serves_every_pool() -> None:
    assert unserved_pools({"gpu": (2, 300.0)}, ["embedded-4242"], load_pools()) == ()


def test_the_name_of_a_worker_contains_its_pool() -> None:
    assert pool_of_worker(worker_name("cpu", "ip-10-0-0-7", 4242)) == "cpu"
    assert pool_of_worker("embedded-4242") is None


def test_terraform_can_read_the_built_in_file() -> None:
    body = yaml.safe_load(BUILT_IN.read_text("utf-8"))
    assert isinstance(load_pools(), Pools)
    assert list(body["pools"]) == list(load_pools().pools)
    # yamldecode has neither dates nor sets, and its keys are strings.
    assert _is_plain(body)


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, str | int | float | bool)
