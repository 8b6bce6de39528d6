"""Files of a catalogue are read with bounds, and errors name the file and the value."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fleet.catalogue.records import record

from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue import files
from eddyline.fleet.catalogue.catalogue import read_catalogue
from eddyline.fleet.catalogue.files import read_json
from eddyline.fleet.catalogue.instance_types import parse_instance_types, read_instance_types
from eddyline.fleet.catalogue.prices import Advice, read_on_demand_prices, read_spot_advice
from eddyline.fleet.catalogue.throughput import read_throughput


def _write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "figures.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_plain_and_compressed_files_are_read(tmp_path: Path) -> None:
    assert read_json(_write(tmp_path, {"a": 1})) == {"a": 1}
    assert read_json(_write(tmp_path, gzip.compress(b'{"a": 1}'))) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        pytest.param(b"[" * 100_000, "not JSON", id="nested"),
        (b'{"a": NaN}', "not JSON"),
        (b"\x1f\x8bnonsense", "not gzip"),
        (gzip.compress(b'{"a": 1}', mtime=0)[:-9], "ends early"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=rf"figures\.json: .*{message}"):
        read_json(_write(tmp_path, content))


def test_the_size_is_bounded_before_and_after_decompression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_SIZE", 1024 * 1024)
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < files.MAX_SIZE
    for content in (bomb, b"0" * (files.MAX_SIZE + 1)):
        with pytest.raises(UsageError, match="larger than 1 MiB"):
            read_json(_write(tmp_path, content))
    with pytest.raises(UsageError, match="No such file"):
        read_json(tmp_path / "none.json")


def test_all_forms_of_records_give_the_same_types(tmp_path: Path) -> None:
    one = record(
        "c5.9xlarge", vcpu=36, ProcessorInfo={"Manufacturer": "Intel", "SupportedArchitectures": ["x86_64"]}
    )
    forms = [{"InstanceTypes": [one], "NextToken": "x"}, [one], {"c5.9xlarge": one}]
    found = [read_instance_types(_write(tmp_path, form)) for form in forms]
    assert found[0] == found[1] == found[2]
    assert (found[0]["c5.9xlarge"].vcpu, found[0]["c5.9xlarge"].manufacturer) == (36, "intel")


def test_manufacturers_and_accelerators_are_named_as_in_requirements() -> None:
    processor = {"Manufacturer": "AWS", "SupportedArchitectures": ["arm64"]}
    gpus = {"Gpus": [{"Manufacturer": "NVIDIA", "Name": "T4g", "Count": 1}]}
    found = parse_instance_types([record("g5g.xlarge", ProcessorInfo=processor, GpuInfo=gpus)], source="test")
    assert found["g5g.xlarge"].manufacturer == "amazon-web-services"
    assert found["g5g.xlarge"].accelerators == ("NVIDIA T4g",)


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (3, "expected records of DescribeInstanceTypes"),
        ({"InstanceTypes": 3}, "expected records"),
        ([], "contains no instance types"),
        ({}, "contains no instance types"),
        ([{}], "record 0: InstanceType: Field required"),
        ([record("c5.9xlarge"), 3], "record 1: "),
        ({"c5.9xlarge": record("c5.9xlarge; rm -rf /")}, "c5.9xlarge: InstanceType: "),
        ([record("c5.9xlarge", vcpu=-1)], "VCpuInfo.DefaultVCpus: "),
        ([record("c5.9xlarge", VCpuInfo={"DefaultVCpus": "36"})], "VCpuInfo.DefaultVCpus: "),
        ([record("c5.9xlarge", VCpuInfo={"DefaultVCpus": True})], "VCpuInfo.DefaultVCpus: "),
        ([record("c5.9xlarge", mib=2**40)], "MemoryInfo.SizeInMiB: "),
        ([record("c5.9xlarge", SupportedUsageClasses=["x"] * 1000)], "SupportedUsageClasses: "),
        ([{}] * 20_001, "more than 20,000 instance types"),
    ],
)
def test_records_that_are_wrong_are_refused_with_their_place(plain: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_instance_types(plain, source="types.json")


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ([], "expected a mapping"),
        ({}, "expected a mapping"),
        ({"c5": 1}, "'c5' is not an instance type"),
        ({"c5.large": "1"}, "c5.large: '1' is not a price"),
        ({"c5.large": True}, "c5.large: 'True' is not a price"),
        ({"c5.large": 0}, "is not a price"),
        ({"c5.large": 1e9}, "is not a price"),
    ],
)
def test_wrong_prices_are_refused(tmp_path: Path, plain: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_on_demand_prices(_write(tmp_path, plain))


def test_the_advice_of_a_region_is_read(tmp_path: Path) -> None:
    plain = {"spot_advisor": {"eu-west-1": {"Linux": {"c5.large": {"s": 60, "r": 4}}}}}
    assert read_spot_advice(_write(tmp_path, plain), "eu-west-1") == {"c5.large": Advice(saving=0.6, band=4)}
    with pytest.raises(UsageError, match="no Linux prices for region us-east-1; it has eu-west-1"):
        read_spot_advice(_write(tmp_path, plain), "us-east-1")


@pytest.mark.parametrize(
    ("advice", "message"),
    [
        (None, "the saving s"),
        ({"s": "60", "r": 1}, "the saving s"),
        ({"s": 100, "r": 1}, "the saving s"),
        ({"s": 60, "r": 5}, "the band r"),
        ({"s": 60, "r": True}, "the band r"),
    ],
)
def test_wrong_advice_is_refused(tmp_path: Path, advice: Any, message: str) -> None:
    plain = {"spot_advisor": {"eu-west-1": {"Linux": {"c5.large": advice}}}}
    with pytest.raises(UsageError, match=f"c5.large: {message}"):
        read_spot_advice(_write(tmp_path, plain), "eu-west-1")
    with pytest.raises(UsageError, match="the key spot_advisor"):
        read_spot_advice(_write(tmp_path, [advice]), "eu-west-1")


def test_spot_prices_are_on_demand_prices_less_the_saving(tmp_path: Path) -> None:
    prices, advisor = tmp_path / "prices.json", tmp_path / "advisor.json"
    prices.write_text('{"c5.large": 0.1}')
    advice = {"s": 60, "r": 4}
    advisor.write_text(
        json.dumps({"spot_advisor": {"eu-west-1": {"Linux": {"c5.large": advice, "c6i.large": advice}}}})
    )
    found = read_catalogue(region="eu-west-1", prices=prices, advisor=advisor)
    assert found.spot == pytest.approx({"c5.large": 0.04})
    assert found.bands == {"c5.large": 4, "c6i.large": 4}
    with pytest.raises(UsageError, match="no region"):
        read_catalogue(region="")


def _measured(fps: object, threads: object, *, gpu: bool = False) -> dict[str, Any]:
    return {"ffmpeg": {"fps": fps, "cuda_used": gpu}, "cpu": {"threads": threads}}


def test_the_speed_of_a_full_machine_is_that_of_the_small_sizes_of_its_family(tmp_path: Path) -> None:
    measured = {
        "c7a.xlarge": _measured(60, 4),
        "c7a.2xlarge": _measured(112, 8),
        "c7a.16xlarge": _measured(300, 64),
        "c4.8xlarge": _measured(144, 36),
        "c4.4xlarge": _measured(80, 16),
        "g4dn.xlarge": _measured(105, 4, gpu=True),
        "g4dn.12xlarge": _measured(90, 48, gpu=True),
        "m5.large": {"ffmpeg": None, "cpu": {"threads": 2}},
        "m6.large": _measured(float("1e300"), 2),
        "m7.large": _measured(10, "2"),
    }
    found = read_throughput(_write(tmp_path, measured))
    assert found.machine_fps("c7a.16xlarge", 64) == pytest.approx(14.5 * 64)
    assert found.machine_fps("c4.8xlarge", 36) == pytest.approx(5 * 36)  # no small size: the smallest one
    assert found.machine_fps("g4dn.xlarge", 4) == 105
    assert found.machine_fps("g4dn.2xlarge", 8) is None
    for name in ("m5.large", "m6.large", "m7.large", "r5b.4xlarge"):
        assert found.machine_fps(name, 2) is None
    with pytest.raises(UsageError, match="contains no measurement"):
        read_throughput(_write(tmp_path, {"m5.large": measured["m5.large"]}))
    with pytest.raises(UsageError, match="expected a mapping"):
        read_throughput(_write(tmp_path, [1]))
