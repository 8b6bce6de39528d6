"""The part of the API of Amazon EC2 about instance types, on the records of a modelled fleet."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from tests.servers.aws_api.pages import page
from tests.servers.aws_api.protocols import ApiError, Params
from tests.servers.fleet_model.fleet import FleetModel

_MAKERS = {"AWS": "amazon-web-services"}


def describe_instance_types(fleet: FleetModel, params: Params, _now: float) -> Params:
    """All types; at most 100 a page, as in AWS."""
    most = params.get("MaxResults", 100)
    if not 5 <= most <= 100:
        raise ApiError("InvalidParameterValue", f"MaxResults is {most}")
    items, token = page(fleet.instance_types, most, params.get("NextToken"))
    return {"InstanceTypes": items, "NextToken": token}


def describe_instance_type_offerings(fleet: FleetModel, params: Params, _now: float) -> Params:
    """One entry for each type and zone."""
    if params.get("LocationType") != "availability-zone":
        raise ApiError("InvalidParameterValue", "this fake has zones only")
    found = [
        {"InstanceType": name, "LocationType": "availability-zone", "Location": zone}
        for name, zones in fleet.offerings.items()
        for zone in zones
    ]
    items, token = page(found, params.get("MaxResults", 1000), params.get("NextToken"))
    return {"InstanceTypeOfferings": items, "NextToken": token}


def get_instance_types_from_instance_requirements(fleet: FleetModel, params: Params, _now: float) -> Params:
    """The types that match; price protection is not applied, as in AWS."""
    wanted = params["InstanceRequirements"]
    found = [
        {"InstanceType": record["InstanceType"]}
        for record in fleet.instance_types
        if _matches(record, wanted, params["ArchitectureTypes"])
    ]
    items, token = page(found, params.get("MaxResults", 1000), params.get("NextToken"))
    return {"InstanceTypes": items, "NextToken": token}


def _matches(record: dict[str, Any], wanted: Params, architectures: list[str]) -> bool:
    processor = record["ProcessorInfo"]
    maker = _MAKERS.get(processor["Manufacturer"], processor["Manufacturer"].lower())
    bounds = (
        (record["VCpuInfo"]["DefaultVCpus"], wanted["VCpuCount"]),
        (record["MemoryInfo"]["SizeInMiB"], wanted["MemoryMiB"]),
    )
    return (
        all(limit["Min"] <= value <= limit.get("Max", value) for value, limit in bounds)
        and bool(set(architectures) & set(processor["SupportedArchitectures"]))
        and maker in wanted.get("CpuManufacturers", [maker])
        and not record["BareMetal"]
        and not record["BurstablePerformanceSupported"]
        and not any(
            fnmatchcase(record["InstanceType"], glob) for glob in wanted.get("ExcludedInstanceTypes", ())
        )
    )


def get_spot_placement_scores(fleet: FleetModel, params: Params, _now: float) -> Params:
    """The score of each region that was asked about."""
    if "InstanceTypes" in params and "InstanceRequirementsWithMetadata" in params:
        raise ApiError("InvalidParameterCombination", "types and requirements exclude each other")
    scores = [
        {"Region": region, "Score": fleet.placement_scores[region]}
        for region in params.get("RegionNames", ())
        if region in fleet.placement_scores
    ]
    return {"SpotPlacementScores": scores}


OPERATIONS: dict[str, Callable[[FleetModel, Params, float], Params]] = {
    "DescribeInstanceTypes": describe_instance_types,
    "DescribeInstanceTypeOfferings": describe_instance_type_offerings,
    "GetInstanceTypesFromInstanceRequirements": get_instance_types_from_instance_requirements,
    "GetSpotPlacementScores": get_spot_placement_scores,
}
