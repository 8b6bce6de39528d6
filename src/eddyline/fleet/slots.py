"""Computes the number of slots of a worker: how many jobs its machine runs at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.fleet.capacity_checks import RESERVED_MIB
from eddyline.fleet.pools import Pool

_MIB = 1024 * 1024

_NO_LIMIT = 1 << 60  # cgroup v1 uses a number near 2**63 for "unlimited"


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The processors (perhaps a fraction) and the bytes of memory that this process may use."""

    vcpus: float
    memory: int


def measure_resources(root: Path = Path("/")) -> Resources:
    """Measure what this process may use, within the limits of its container (cgroup, version 1 or 2)."""
    vcpus = float(len(os.sched_getaffinity(0)))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    groups = root / "sys/fs/cgroup"
    quota = _cpu_quota(groups)
    bounds = [_number(groups / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return Resources(
        vcpus=min(vcpus, quota) if quota else vcpus,
        memory=min([memory, *(bound for bound in bounds if bound and bound < _NO_LIMIT)]),
    )


def _cpu_quota(groups: Path) -> float | None:
    """The processors of a cgroup: quota divided by period, both in microseconds."""
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


def slot_count(resources: Resources, pool: Pool) -> int:
    """The number of slots of `pool` on a machine with `resources`; raises `UsageError` if none fits."""
    memory_mib = resources.memory / _MIB - RESERVED_MIB
    slot = pool.slot
    # A tolerance of a thousandth: a machine with a nominal 16 GiB has slightly less.
    fit = min(int(resources.vcpus / slot.vcpu + 1e-3), int(memory_mib / slot.memory_mib + 1e-3), slot.most)
    # Each chunk on a device uses at least one session.
    fit = min(fit, slot.encoder_sessions or fit)
    if fit < 1:
        raise UsageError(
            f"a slot of pool {pool.name} needs {slot.vcpu:g} vCPU and {slot.memory_mib} MiB; this machine "
            f"has {resources.vcpus:g} vCPU and {memory_mib:.0f} MiB besides what is reserved for the system",
            remedy="use a larger machine, or a smaller slot in pools.yaml",
        )
    return fit
