"""How many jobs a machine runs at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.fleet.pools import Pool

_MIB = 1024 * 1024
_RESERVED_MIB = 256  # for the worker itself and the system
_NO_LIMIT = 1 << 60  # cgroup v1 says "none" by a number near 2**63


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What this process may use: processors (a container may have a share of one) and memory in bytes."""

    vcpus: float
    memory: int


def measure_machine(root: Path = Path("/")) -> Machine:
    """What this process may use, the limits of its container (cgroup, version 1 or 2) included."""
    vcpus = float(len(os.sched_getaffinity(0)))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    groups = root / "sys/fs/cgroup"
    quota = _cpu_quota(groups)
    bounds = [_number(groups / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return Machine(
        vcpus=min(vcpus, quota) if quota else vcpus,
        memory=min([memory, *(bound for bound in bounds if bound and bound < _NO_LIMIT)]),
    )


def _cpu_quota(groups: Path) -> float | None:
    """Processors, from "quota period" in microseconds."""
    words = _text(groups / "cpu.max").split()
    if len(words) == 2 and all(word.isdigit() for word in words):  # noqa: PLR2004 - a quota and its period
        return int(words[0]) / max(int(words[1]), 1)
    quota, period = _number(groups / "cpu/cpu.cfs_quota_us"), _number(groups / "cpu/cpu.cfs_period_us")
    return quota / period if quota and period else None


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(200).decode("ascii", "replace")
    except OSError:
        return ""


def slot_count(machine: Machine, pool: Pool) -> int:
    """How many slots of `pool` fit; raises `UsageError` if not even one does."""
    memory_mib = machine.memory / _MIB - _RESERVED_MIB
    slot = pool.slot
    # A share of a thousandth less: a machine sold with 16 GiB shows a little under that.
    fit = min(int(machine.vcpus / slot.vcpu + 1e-3), int(memory_mib / slot.memory_mib + 1e-3), slot.most)
    if fit < 1:
        raise UsageError(
            f"a slot of class {pool.name} needs {slot.vcpu:g} vCPU and {slot.memory_mib} MiB; this machine "
            f"has {machine.vcpus:g} and {memory_mib:.0f} MiB beside what is kept for the system",
            remedy="use a larger machine, or a smaller slot in pools.yaml",
        )
    return fit
