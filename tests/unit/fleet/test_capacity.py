"""The machines of a pool are described in vCPU, and inconsistent descriptions are refused with their line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from eddyline.core.errors import UsageError
from eddyline.fleet.capacity import Capacity, OnDemand, Scratch, Spot
from eddyline.fleet.capacity_checks import RESERVED_MIB
from eddyline.fleet.pools import BUILT_IN, Pools, load_pools

_EXCLUDED = "a* t* m6g* c6g* c7g* d* h* i* g* p* inf1* dl* vt* x* r6g* z1* f1*"


def _load(tmp_path: Path, pool: str, **changes: object) -> Pools:
    """Loads the built-in file with changes of one pool by path (`capacity__hook_s=3`); None removes a key."""
    body: Any = yaml.safe_load(BUILT_IN.read_text("utf-8"))
    for name, value in changes.items():
        *parents, key = name.split("__")
        mapping = body["pools"][pool]
        for parent in parents:
            mapping = mapping[parent]
        if value is None:
            del mapping[key]
        else:
            mapping[key] = value
    path = tmp_path / "pools.yaml"
    path.write_text(yaml.safe_dump(body, sort_keys=False), "utf-8")
    return load_pools(path)


def test_the_built_in_pools_select_the_machines_of_the_described_system() -> None:
    pools = load_pools()
    cpu = pools["cpu"].capacity.requirements
    assert cpu is not None
    assert (cpu.memory_mib.min, cpu.memory_mib.max) == (32_768, 131_072)
    assert (cpu.vcpu.min, cpu.vcpu.max) == (32, 64)
    assert cpu.cpu_manufacturers == ("amd", "intel")
    assert list(cpu.excluded_types) == _EXCLUDED.split()
    assert pools["memory"].capacity.types == {"r5b.4xlarge": 16, "r4.4xlarge": 16}
    assert pools["gpu"].capacity.types == {"g4dn.xlarge": 4}
    assert pools["gpu"].required_encoders == {"h264_nvenc", "hevc_nvenc"}
    assert pools["cpu-classic"].capacity.types == {
        "c3.4xlarge": 16,
        "c3.8xlarge": 32,
        "c4.4xlarge": 16,
        "c4.8xlarge": 36,
    }
    assert pools["graviton"].arch == "arm64"
    for pool in pools.pools.values():
        assert pool.capacity.spot.strategy == "capacity-optimized"
        assert pool.capacity.min_vcpu == 0
        assert not pool.capacity.warm_pool


def test_the_built_in_file_states_every_key_of_capacity() -> None:
    body = yaml.safe_load(BUILT_IN.read_text("utf-8"))
    for name, pool in body["pools"].items():
        given = set(pool["capacity"])
        assert ("types" in given) != ("requirements" in given), name
        assert given | {"types", "requirements"} == set(Capacity.model_fields), name
        for section, model in (("spot", Spot), ("on_demand", OnDemand), ("scratch", Scratch)):
            assert set(pool["capacity"][section]) == set(model.model_fields), (name, section)


def test_a_pool_without_capacity_has_no_machines() -> None:
    plain = {"kinds": ["chunk"], "cost": 1, "slot": {"vcpu": 1, "memory_mib": 512}}
    pool = Pools.model_validate({"pools": {"mine": plain}})["mine"]
    assert not pool.capacity.has_machines
    assert (pool.capacity.hook_s, pool.capacity.stop_s, pool.arch, pool.gpu) == (900, 110, "x86_64", None)


def test_the_dump_of_the_pools_is_valid_again() -> None:
    plain = load_pools().model_dump(mode="json")
    for pool in plain["pools"].values():
        pool.pop("name")
    assert Pools.model_validate(plain).model_dump(mode="json") == load_pools().model_dump(mode="json")
    kinds = plain["pools"]["light"]["kinds"]
    assert kinds == sorted(kinds), "the order of a set differs from process to process"


@pytest.mark.parametrize(
    ("pool", "changes", "message"),
    [
        (
            "cpu",
            {"least": 3},
            r"capacity.least: keys of the earlier format: for least use min_vcpu \(in vCPU",
        ),
        ("cpu", {"most": 3, "spot_percent": 90}, "most use max_vcpu .*; for spot_percent use max_vcpu"),
        ("cpu", {"on_demand_after_s": 3}, "on_demand_after_s use on_demand.after_s"),
        ("memory", {"types": ["r4.4xlarge"]}, r"capacity.types: maps each instance type to its vCPU"),
        ("cpu", {"min_vcpu": 5000}, r"capacity.min_vcpu: min_vcpu \(5000\) is more than max_vcpu \(3200\)"),
        ("cpu", {"on_demand__min_vcpu": 500}, r"on_demand.min_vcpu: min_vcpu \(500\) is more than max_vcpu"),
        (
            "cpu",
            {"requirements__vcpu__min": 65},
            r"requirements.vcpu.min: min \(65\) is more than max \(64\)",
        ),
        ("cpu", {"requirements__memory_mib__max": 1}, "requirements.memory_mib.min: min .* is more than max"),
        ("cpu", {"types": {"c5.9xlarge": 36}}, "capacity.types: requirements and types exclude each other"),
        ("cpu", {"requirements": None}, "pools.cpu.capacity: needs requirements or types"),
        ("cpu", {"max_vcpu": 63}, r"capacity.max_vcpu: 63 is less than the vCPU of one machine \(64\)"),
        ("memory", {"on_demand__max_vcpu": 8}, r"on_demand.max_vcpu: 8 is less .* one machine \(16\)"),
        ("cpu", {"spot__strategy": "capacity-optimised"}, "spot.strategy: .*'capacity-optimized' or 'price-"),
        ("cpu", {"spot__strategy": "lowest-price"}, "spot.strategy: .*'capacity-optimized' or 'price-"),
        ("cpu", {"spot__max_price_percent": -1}, "spot.max_price_percent: "),
        ("cpu", {"scaling": "none"}, "capacity.scaling: Input should be 'aws' or 'eddyline'"),
        ("cpu", {"scaling": "eddyline", "predictive": True}, "capacity.predictive: is a policy of AWS"),
        (
            "cpu",
            {"scaling": "eddyline", "deadline_s": 59},
            "capacity.deadline_s: .* greater than or equal to 60",
        ),
        ("cpu", {"stop_s": 111}, "capacity.stop_s: .*less than or equal to 110"),
        ("cpu", {"hook_s": 29}, "capacity.hook_s: .*greater than or equal to 30"),
        ("cpu", {"hook_s": 7201}, "capacity.hook_s: .*less than or equal to 7200"),
        ("cpu", {"warm_pool": True}, "capacity.warm_pool: must be false: AWS keeps no warm pool"),
        ("cpu", {"rebalance": "terminate"}, "capacity.rebalance: .*'avoid' or 'replace'"),
        ("cpu", {"predictive": "yes, please"}, "capacity.predictive: "),
        ("cpu", {"image": "../cpu"}, "capacity.image: "),
        ("cpu", {"zones": ["use1-az1"]}, r"zones\[0\]: 'use1-az1' is the ID of a zone; use the zone's name"),
        ("cpu", {"zones": ["us-east-1"]}, r"capacity.zones\[0\]: "),
        ("cpu", {"zones": ["us-east-1a", "eu-west-1a"]}, "zones: zones of eu-west-1 and us-east-1"),
        ("cpu", {"zones": ["us-east-1a", "us-east-1a"]}, "zones: contains the same word twice"),
        ("memory", {"types": {"r4": 16}}, "capacity.types.r4: "),
        ("memory", {"types": {"r4.4xlarge; rm": 16}}, "capacity.types.r4.4xlarge; rm: "),
        ("memory", {"types": {"r4.4xlarge": 0}}, "capacity.types.r4.4xlarge: "),
        ("memory", {"types": {"r4.4xlarge": 1}}, "types.r4.4xlarge: 1 vCPU hold no slot of 2 vCPU"),
        ("cpu", {"requirements__vcpu__min": 1}, "requirements.vcpu.min: 1 vCPU hold no slot of 2 vCPU"),
        ("cpu", {"requirements__memory_mib__min": 3600}, "memory_mib.min: 3600 MiB hold no slot of 3584 MiB"),
        ("cpu", {"requirements__excluded_types": ["c5 *"]}, r"requirements.excluded_types\[0\]: "),
        ("cpu", {"requirements__cpu_manufacturers": ["AMD"]}, r"cpu_manufacturers\[0\]: .*'amd', 'intel'"),
        ("cpu", {"scratch__gib": 1}, "scratch.gib: 1 GiB are too few: 2 GiB"),
        ("cpu", {"scratch__iops": 16_001}, "scratch.iops: "),
        ("light", {"scratch__gib": 6, "scratch__iops": 9000}, "scratch.iops: gp3 allows 500 per GiB"),
        ("cpu", {"scratch__throughput": 800}, "scratch.throughput: gp3 allows 0.25 MiB/s per operation"),
    ],
)
def test_an_inconsistent_capacity_is_refused_with_its_line(
    tmp_path: Path, pool: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        _load(tmp_path, pool, **{f"capacity__{name}": value for name, value in changes.items()})
    text = (tmp_path / "pools.yaml").read_text("utf-8").splitlines()
    found = re.match(
        r".*pools\.yaml:(\d+): pools\.([a-z-]+)\.capacity(?:[\w.]*\.(\w+))?", caught.value.message
    )
    assert found is not None
    assert found[2] == pool
    assert int(found[1]) > text.index(f"  {pool}:")


@pytest.mark.parametrize(
    ("pool", "changes", "message"),
    [
        ("gpu", {"codecs__av1": "av1_nvenc"}, "types.g4dn.xlarge: its GPU has no av1_nvenc.*g6"),
        ("gpu", {"encoders": ["av1_nvenc"]}, "types.g4dn.xlarge: its GPU has no av1_nvenc"),
        ("gpu", {"capacity__types": {"p5.4xlarge": 16}}, "p5.4xlarge: its GPU has no h264_nvenc"),
        ("gpu", {"capacity__types": {"g4ad.xlarge": 4}}, "g4ad.xlarge: has no NVIDIA GPU"),
        ("gpu", {"capacity__types": {"c5.xlarge": 4}}, "c5.xlarge: has no NVIDIA GPU"),
        ("gpu", {"capacity__types": {"g5g.xlarge": 4}}, "g5g.xlarge: has processors of arm64"),
        ("gpu", {"gpu": None}, "pools.gpu.gpu: must be nvidia, because h264_nvenc needs"),
        ("cpu", {"gpu": "nvidia"}, "cpu.capacity.requirements: cannot select GPUs"),
        ("gpu", {"arch": "arm64"}, "pools.gpu.gpu: GPU machines are x86_64"),
        ("cpu", {"gpu": "amd"}, "pools.cpu.gpu: Input should be 'nvidia'"),
        (
            "cpu",
            {"arch": "arm64", "serves": []},
            "requirements.cpu_manufacturers: amd has no processors of arm64",
        ),
        (
            "graviton",
            {"arch": "x86_64"},
            "cpu_manufacturers: amazon-web-services has no processors of x86_64",
        ),
        ("cpu", {"arch": "x86"}, "pools.cpu.arch: Input should be 'x86_64' or 'arm64'"),
        (
            "memory",
            {"arch": "arm64"},
            "types.r5b.4xlarge: has processors of x86_64, and the pool is of arch arm64",
        ),
        ("graviton", {"serves": ["light"]}, r"serves\[0\]: 'light' is of arch x86_64 and this pool of arm64"),
        ("light", {"arch": "arm64", "capacity": None}, r"cpu.serves\[0\]: 'light' is of arch arm64"),
        (
            "gpu",
            {"limits__memory_mib": 4096},
            "gpu.limits.memory_mib: must be null in a pool with h264_nvenc",
        ),
    ],
)
def test_machines_that_cannot_run_the_jobs_of_their_pool_are_refused(
    tmp_path: Path, pool: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        _load(tmp_path, pool, **changes)


def test_types_with_av1_and_local_machines_are_accepted(tmp_path: Path) -> None:
    pools = _load(tmp_path, "gpu", capacity__types={"g6.xlarge": 4}, codecs__av1="av1_nvenc")
    assert pools["gpu"].codecs["av1"] == "av1_nvenc"
    assert _load(tmp_path, "gpu", gpu=None, capacity=None)["gpu"].required_encoders


def test_the_reserved_memory_is_that_of_the_slots() -> None:
    assert RESERVED_MIB == 256
