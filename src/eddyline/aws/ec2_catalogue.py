"""Reads the catalogue of a region from EC2: types, zones that offer them, Spot prices, AWS' own selection.

Needs the permissions in `PERMISSIONS`. Every listing is bounded. It has never run on AWS, only on a fake of
the API.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from eddyline.aws.client_errors import ServiceError, translate_service_errors
from eddyline.fleet.capacity import Requirements
from eddyline.fleet.catalogue.instance_types import InstanceType, parse_instance_types
from eddyline.fleet.instance_types import Architecture

PERMISSIONS = (
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeSpotPriceHistory",
    "ec2:GetInstanceTypesFromInstanceRequirements",
    "ec2:GetSpotPlacementScores",
)
_REMEDY = f"allow this role {', '.join(PERMISSIONS)}, or check its credentials"
_MAX_PAGES = 300
_TYPES_A_CALL = 100  # of DescribeSpotPriceHistory


class Ec2Catalogue:
    """The catalogue of the client's region. Raises `UsageError` without access, else `ServiceError`."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3 creates its classes at run time
        self._client = client

    def instance_types(self) -> dict[str, InstanceType]:
        """All types of the region, by name."""
        records = list(self._list("describe_instance_types", "InstanceTypes", MaxResults=100))
        return parse_instance_types(records, source="DescribeInstanceTypes")

    def offered(self) -> dict[str, frozenset[str]]:
        """The names of the zones that offer each type."""
        found: dict[str, set[str]] = {}
        offerings = self._list(
            "describe_instance_type_offerings",
            "InstanceTypeOfferings",
            LocationType="availability-zone",
            MaxResults=1000,
        )
        for each in offerings:
            found.setdefault(str(each.get("InstanceType")), set()).add(str(each.get("Location")))
        return {name: frozenset(zones) for name, zones in found.items()}

    def spot_prices(
        self, types: Collection[str], zones: Collection[str], *, now: datetime | None = None
    ) -> dict[str, float]:
        """The current Spot price of each type for Linux, in dollars an hour: the mean over `zones`.

        Types without a price in these zones are left out.
        """
        latest: dict[tuple[str, str], tuple[datetime, float]] = {}
        names = sorted(types)
        for start in range(0, len(names), _TYPES_A_CALL):
            entries = self._list(
                "describe_spot_price_history",
                "SpotPriceHistory",
                InstanceTypes=names[start : start + _TYPES_A_CALL],
                ProductDescriptions=["Linux/UNIX"],
                StartTime=now or datetime.now(UTC),
                MaxResults=1000,
            )
            for name, zone, at, price in filter(None, map(_spot_price, entries)):
                if zone in zones and at >= latest.get((name, zone), (at, 0.0))[0]:
                    latest[name, zone] = (at, price)
        prices: dict[str, list[float]] = {}
        for (name, _), (_, price) in latest.items():
            prices.setdefault(name, []).append(price)
        return {name: statistics.fmean(each) for name, each in prices.items()}

    def selected_types(self, requirements: Requirements, arch: Architecture) -> frozenset[str]:
        """The types that AWS selects, before price protection, which this call does not apply."""
        found = self._list(
            "get_instance_types_from_instance_requirements",
            "InstanceTypes",
            ArchitectureTypes=[arch],
            VirtualizationTypes=["hvm"],
            InstanceRequirements=as_request(requirements),
            MaxResults=1000,
        )
        return frozenset(str(each.get("InstanceType")) for each in found)

    def placement_score(
        self,
        *,
        region: str,
        vcpu: int,
        requirements: Requirements | None,
        types: Collection[str],
        arch: Architecture,
    ) -> int | None:
        """The Spot placement score of the region, 1 to 10, for `vcpu` of Spot capacity; None: AWS gives none.

        AWS limits the number of different questions in a day, and gives low scores to fewer than three types.
        """
        wanted: dict[str, Any] = (
            {"InstanceTypes": sorted(types)}
            if requirements is None
            else {
                "InstanceRequirementsWithMetadata": {
                    "ArchitectureTypes": [arch],
                    "VirtualizationTypes": ["hvm"],
                    "InstanceRequirements": as_request(requirements),
                }
            }
        )
        found = self._list(
            "get_spot_placement_scores",
            "SpotPlacementScores",
            RegionNames=[region],
            SingleAvailabilityZone=False,
            TargetCapacity=vcpu,
            TargetCapacityUnitType="vcpu",
            MaxResults=10,
            **wanted,
        )
        scores = [each.get("Score") for each in found if each.get("Region") == region]
        return max((score for score in scores if isinstance(score, int)), default=None)

    def _list(self, operation: str, key: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - boto3's parameters
        """All items of all pages of an operation."""
        token = ""
        for _ in range(_MAX_PAGES):
            with translate_service_errors(operation, remedy=_REMEDY):
                page = getattr(self._client, operation)(
                    **parameters, **({"NextToken": token} if token else {})
                )
            yield from page.get(key, ())
            token = page.get("NextToken") or ""
            if not token:
                return
        raise ServiceError(f"{operation}: more than {_MAX_PAGES} pages")


def as_request(requirements: Requirements) -> dict[str, Any]:
    """The requirements as EC2 names them."""
    request: dict[str, Any] = {
        "VCpuCount": {"Min": requirements.vcpu.min, "Max": requirements.vcpu.max},
        "MemoryMiB": {"Min": requirements.memory_mib.min, "Max": requirements.memory_mib.max},
    }
    if requirements.cpu_manufacturers:
        request["CpuManufacturers"] = list(requirements.cpu_manufacturers)
    if requirements.excluded_types:
        request["ExcludedInstanceTypes"] = list(requirements.excluded_types)
    return request


def _spot_price(entry: Mapping[str, Any]) -> tuple[str, str, datetime, float] | None:
    """Type, zone, time and price of an entry; None if it is not a price."""
    at = entry.get("Timestamp")
    try:
        price = float(entry.get("SpotPrice", ""))
    except (TypeError, ValueError):
        return None
    if not isinstance(at, datetime) or not 0 < price < float("inf"):
        return None
    return str(entry.get("InstanceType")), str(entry.get("AvailabilityZone")), at, price
