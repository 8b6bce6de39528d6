"""The family name of an instance type gives its architecture and the encoders of its GPU."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest
from tests.shared_files import data_file

from eddyline.fleet.instance_types import TYPE_PATTERN, architecture, family, nvenc_encoders


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        ("c5.large", "x86_64"),
        ("m6g.large", "arm64"),
        ("c7gn.16xlarge", "arm64"),
        ("g4dn.xlarge", "x86_64"),
        ("g5g.xlarge", "arm64"),
        ("im4gn.large", "arm64"),
        ("a1.metal", "arm64"),
        ("u-6tb1.112xlarge", "x86_64"),
        ("c7i-flex.large", "x86_64"),
        ("mac2-m2.metal", "arm64"),
        ("mac1.metal", "x86_64"),
        ("nothing", None),
    ],
)
def test_the_architecture_of_a_type(instance_type: str, expected: str | None) -> None:
    assert architecture(instance_type) == expected


def test_g4dn_encodes_h264_and_hevc_only() -> None:
    assert nvenc_encoders("g4dn.xlarge") == frozenset({"h264_nvenc", "hevc_nvenc"})
    assert nvenc_encoders("g6.xlarge") == frozenset({"h264_nvenc", "hevc_nvenc", "av1_nvenc"})
    assert nvenc_encoders("p5.48xlarge") == frozenset()
    assert nvenc_encoders("c5.large") == frozenset()
    assert nvenc_encoders("g99.xlarge") is None


def test_the_rules_hold_for_every_type_of_the_catalogue() -> None:
    path = data_file("ec2-instance-types.json.gz")
    records: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    assert len(records) > 1200
    for name, record in records.items():
        assert re.match(TYPE_PATTERN, name)
        architectures = record["ProcessorInfo"]["SupportedArchitectures"]
        assert any(each.startswith(architecture(name) or "?") for each in architectures), name
        makers = {gpu["Manufacturer"] for gpu in record.get("GpuInfo", {}).get("Gpus", ())}
        if "NVIDIA" in makers:
            assert nvenc_encoders(name) is not None, f"add {family(name)} to the table"
        else:
            assert not nvenc_encoders(name), name
