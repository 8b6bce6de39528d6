"""Checks that the machines of a pool can run its workers: architecture, GPU, encoders, slot and disk."""

from __future__ import annotations

from collections.abc import Collection

from eddyline.core.settings_file import KeyedValueError
from eddyline.fleet.capacity import Capacity, Requirements
from eddyline.fleet.instance_types import Architecture, architecture, family, nvenc_encoders

RESERVED_MIB = 256
"""Memory of a machine that no slot uses: for the worker process and the system."""
ON_GPU = ("_nvenc", "_qsv", "_vaapi")
"""The ends of the names of FFmpeg's encoders that run on a GPU."""
_MANUFACTURERS = {"x86_64": {"amd", "intel"}, "arm64": {"amazon-web-services"}}


def check_capacity(
    capacity: Capacity,
    *,
    arch: Architecture,
    gpu: str | None,
    encoders: Collection[str],
    slot_vcpu: float,
    slot_memory_mib: int,
    min_free_gib: float,
) -> None:
    """Raise `KeyedValueError` with the key of the pool that is wrong and the reason.

    `encoders` are all FFmpeg encoders that the pool's jobs need; `min_free_gib` must be free on the scratch
    volume before a job starts.
    """
    if gpu is not None and arch != "x86_64":
        raise KeyedValueError(("gpu",), "GPU machines are x86_64: set arch to x86_64, or remove gpu")
    nvenc = sorted(encoder for encoder in encoders if encoder.endswith("_nvenc"))
    if nvenc and gpu is None and capacity.has_machines:
        raise KeyedValueError(
            ("gpu",), f"must be nvidia, because {nvenc[0]} needs an NVIDIA GPU: set it, or remove the encoder"
        )
    other = sorted(encoder for encoder in encoders if encoder.endswith(("_qsv", "_vaapi")))
    if other and capacity.has_machines:
        raise KeyedValueError(
            ("capacity",),
            f"machines on AWS have drivers of NVIDIA only, not those of {other[0]}: leave out capacity, and "
            "start the workers of this pool on machines of your own, or remove the encoder",
        )
    for each in capacity.types:
        _check_architecture(each, arch)
        if gpu is not None:
            _check_gpu(each, nvenc)
    if capacity.requirements is not None:
        _check_requirements(capacity.requirements, arch, gpu, slot_memory_mib)
    _check_smallest(capacity, slot_vcpu)
    if capacity.has_machines and capacity.scratch.gib < min_free_gib:
        raise KeyedValueError(
            ("capacity", "scratch", "gib"),
            f"{capacity.scratch.gib} GiB are too few: {min_free_gib:g} GiB (a tenth of limits.scratch_gib) "
            "must be free before a job starts",
        )


def _check_architecture(instance_type: str, arch: Architecture) -> None:
    found = architecture(instance_type)
    if found is not None and found != arch:
        raise KeyedValueError(
            ("capacity", "types", instance_type),
            f"has processors of {found}, and the pool is of arch {arch}: use another pool for {found}",
        )


def _check_gpu(instance_type: str, nvenc: list[str]) -> None:
    key = ("capacity", "types", instance_type)
    available = nvenc_encoders(instance_type)
    is_amd = family(instance_type) == "g4ad"
    if is_amd or not instance_type.startswith(("g", "p")):
        raise KeyedValueError(key, "has no NVIDIA GPU, and the pool has gpu: nvidia; remove it")
    missing = [] if available is None else [encoder for encoder in nvenc if encoder not in available]
    if missing:
        raise KeyedValueError(
            key,
            f"its GPU has no {missing[0]}, so workers on it would fail their encoder check at each start: "
            f"remove the encoder from codecs and encoders, or the type (AV1 needs g6, g6e, gr6 or g7e)",
        )


def _check_requirements(
    requirements: Requirements, arch: Architecture, gpu: str | None, slot_memory_mib: int
) -> None:
    key = ("capacity", "requirements")
    if gpu is not None:
        raise KeyedValueError(
            key, "cannot select GPUs: list the types of a pool with gpu: nvidia under capacity.types"
        )
    wrong = [each for each in requirements.cpu_manufacturers if each not in _MANUFACTURERS[arch]]
    if wrong:
        raise KeyedValueError(
            (*key, "cpu_manufacturers"),
            f"{wrong[0]} has no processors of {arch}, the pool's arch: remove it, or change arch",
        )
    if requirements.memory_mib.min - RESERVED_MIB < slot_memory_mib:
        raise KeyedValueError(
            (*key, "memory_mib", "min"),
            f"{requirements.memory_mib.min} MiB hold no slot of {slot_memory_mib} MiB besides the "
            f"{RESERVED_MIB} MiB reserved for the system: raise it, or make the slot smaller",
        )


def _check_smallest(capacity: Capacity, slot_vcpu: float) -> None:
    vcpu: dict[tuple[str, ...], int] = {
        ("capacity", "types", each): count for each, count in capacity.types.items()
    }
    if capacity.requirements is not None:
        vcpu[("capacity", "requirements", "vcpu", "min")] = capacity.requirements.vcpu.min
    for key, count in vcpu.items():
        if count < slot_vcpu:
            raise KeyedValueError(
                key, f"{count} vCPU hold no slot of {slot_vcpu:g} vCPU: remove it, or make the slot smaller"
            )
