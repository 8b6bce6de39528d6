"""Attributes of instance types, from records of DescribeInstanceTypes.

Accepted: what `aws ec2 describe-instance-types` prints (`{"InstanceTypes": [...]}`), a list of records, or a
mapping of type to record. Unknown keys of a record are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.files import read_json, wrong_file
from eddyline.fleet.instance_types import TYPE_PATTERN

MAX_TYPES = 20_000
_MANUFACTURERS = {"AWS": "amazon-web-services"}  # in DescribeInstanceTypes and in InstanceRequirements

_Word = Annotated[str, Field(max_length=60)]
_Words = Annotated[list[_Word], Field(max_length=20)]


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """What matters of one instance type. `manufacturer` as in requirements: amd, intel, amazon-web-services.

    `accelerators` are the names of GPUs, FPGAs, and media and inference accelerators, such as "NVIDIA T4".
    """

    name: str
    vcpu: int
    memory_mib: int
    architectures: frozenset[str]
    manufacturer: str
    bare_metal: bool
    burstable: bool
    current_generation: bool
    spot: bool
    on_demand: bool
    accelerators: tuple[str, ...] = ()


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Vcpu(_Part):
    count: int = Field(alias="DefaultVCpus", ge=1, le=10_000)


class _Memory(_Part):
    mib: int = Field(alias="SizeInMiB", ge=1, le=2**30)


class _Processor(_Part):
    architectures: _Words = Field(alias="SupportedArchitectures")
    manufacturer: _Word = Field(alias="Manufacturer", default="")


class _Device(_Part):
    name: _Word = Field(alias="Name", default="")
    manufacturer: _Word = Field(alias="Manufacturer", default="")


class _Devices(_Part):
    gpus: list[_Device] = Field(alias="Gpus", default=[], max_length=64)
    fpgas: list[_Device] = Field(alias="Fpgas", default=[], max_length=64)
    other: list[_Device] = Field(alias="Accelerators", default=[], max_length=64)
    neuron: list[_Device] = Field(alias="NeuronDevices", default=[], max_length=64)

    @property
    def names(self) -> tuple[str, ...]:
        devices = (*self.gpus, *self.fpgas, *self.other, *self.neuron)
        return tuple(f"{each.manufacturer} {each.name}".strip() for each in devices)


class _Record(_Part):
    name: Annotated[str, Field(pattern=TYPE_PATTERN)] = Field(alias="InstanceType")
    vcpu: _Vcpu = Field(alias="VCpuInfo")
    memory: _Memory = Field(alias="MemoryInfo")
    processor: _Processor = Field(alias="ProcessorInfo")
    bare_metal: bool = Field(alias="BareMetal", default=False)
    burstable: bool = Field(alias="BurstablePerformanceSupported", default=False)
    current: bool = Field(alias="CurrentGeneration", default=True)
    usage: _Words = Field(alias="SupportedUsageClasses", default=["on-demand", "spot"])
    gpu: _Devices = Field(alias="GpuInfo", default=_Devices())
    fpga: _Devices = Field(alias="FpgaInfo", default=_Devices())
    media: _Devices = Field(alias="MediaAcceleratorInfo", default=_Devices())
    inference: _Devices = Field(alias="InferenceAcceleratorInfo", default=_Devices())
    neuron: _Devices = Field(alias="NeuronInfo", default=_Devices())

    def as_type(self) -> InstanceType:
        devices = (self.gpu, self.fpga, self.media, self.inference, self.neuron)
        maker = self.processor.manufacturer
        return InstanceType(
            name=self.name,
            vcpu=self.vcpu.count,
            memory_mib=self.memory.mib,
            architectures=frozenset(self.processor.architectures),
            manufacturer=_MANUFACTURERS.get(maker, maker.lower()),
            bare_metal=self.bare_metal,
            burstable=self.burstable,
            current_generation=self.current,
            spot="spot" in self.usage,
            on_demand="on-demand" in self.usage,
            accelerators=tuple(name for each in devices for name in each.names),
        )


def read_instance_types(path: Path) -> dict[str, InstanceType]:
    """The types of a file, by name; raises `UsageError` naming the first record that is not one."""
    return parse_instance_types(read_json(path), source=path)


def parse_instance_types(plain: Any, *, source: Path | str) -> dict[str, InstanceType]:  # noqa: ANN401 - any JSON value
    """The types of records in one of the accepted forms; `source` is named in errors."""
    found: dict[str, InstanceType] = {}
    for label, record in _records(plain, source):
        try:
            each = _Record.model_validate(record).as_type()
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "record"
            raise wrong_file(source, f"{label}: {key}: {first['msg']}") from error
        found[each.name] = each
    if not found:
        raise wrong_file(source, "contains no instance types")
    return found


def _records(plain: Any, source: Path | str) -> Iterable[tuple[str, Any]]:  # noqa: ANN401 - any JSON value
    listed = plain.get("InstanceTypes", plain) if isinstance(plain, Mapping) else plain
    if not isinstance(listed, Mapping | list):
        raise wrong_file(source, "expected records of DescribeInstanceTypes")
    if len(listed) > MAX_TYPES:
        raise _too_many(source)
    if isinstance(listed, Mapping):
        return [(str(name)[:60], record) for name, record in listed.items()]
    return [(f"record {number}", record) for number, record in enumerate(listed)]


def _too_many(source: Path | str) -> UsageError:
    return wrong_file(source, f"more than {MAX_TYPES:,} instance types")
