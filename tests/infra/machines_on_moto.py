"""What the API returns of a pool's machines, compared with the capacity of the pool in pools.yaml."""

from __future__ import annotations

import base64
from typing import Any

from tests.infra.moto_terraform import Applied

from eddyline.fleet import names
from eddyline.fleet.capacity import Capacity


def check_overrides(overrides: list[dict[str, Any]], capacity: Capacity) -> None:
    """The overrides of a mixed instances policy: types with weights, or the attributes of types."""
    if capacity.requirements is None:
        assert {each["InstanceType"]: each["WeightedCapacity"] for each in overrides} == {
            name: str(vcpu) for name, vcpu in capacity.types.items()
        }
        return
    (override,) = overrides
    assert set(override) == {"InstanceRequirements"}
    found, wanted = override["InstanceRequirements"], capacity.requirements
    for key in ("CpuManufacturers", "ExcludedInstanceTypes"):
        found[key].sort()
    assert found == {
        "VCpuCount": {"Min": wanted.vcpu.min, "Max": wanted.vcpu.max},
        "MemoryMiB": {"Min": wanted.memory_mib.min, "Max": wanted.memory_mib.max},
        "CpuManufacturers": sorted(wanted.cpu_manufacturers),
        "ExcludedInstanceTypes": sorted(wanted.excluded_types),
        "SpotMaxPricePercentageOverLowestPrice": capacity.spot.max_price_percent,
        "OnDemandMaxPricePercentageOverLowestPrice": capacity.on_demand.max_price_percent,
    }


def check_template(applied: Applied, name: str, pool: str, capacity: Capacity) -> None:
    """The machines: image, metadata, volumes, and a role of their own."""
    client = applied.client("ec2")
    (version,) = client.describe_launch_template_versions(LaunchTemplateName=name)["LaunchTemplateVersions"]
    data = version["LaunchTemplateData"]
    (image,) = client.describe_images(ImageIds=[data["ImageId"]])["Images"]
    assert image["Architecture"] == "x86_64"
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
        "InstanceMetadataTags": "disabled",
    }
    volumes = [each["Ebs"] for each in data["BlockDeviceMappings"]]
    assert all(each["Encrypted"] and each["VolumeType"] == "gp3" for each in volumes)
    scratch = capacity.scratch
    assert (scratch.gib, scratch.iops, scratch.throughput) in [
        (each["VolumeSize"], each.get("Iops"), each.get("Throughput")) for each in volumes
    ]
    cluster = names.cluster_name("eddyline", pool)
    assert f"ECS_CLUSTER={cluster}\n" in base64.b64decode(data["UserData"]).decode()
    profile = data["IamInstanceProfile"]["Arn"].rpartition("/")[2]
    found = applied.client("iam").get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
    assert [each["RoleName"] for each in found["Roles"]] == [f"{cluster}-instance"]
