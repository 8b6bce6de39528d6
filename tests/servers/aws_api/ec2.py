"""The describing part of the API of Amazon EC2 on a modelled fleet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from tests.servers.aws_api.pages import page
from tests.servers.aws_api.protocols import ApiError, Params
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import ACCOUNT, Instance

_STATE_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
_FILTERS: dict[str, Callable[[Instance], str]] = {
    "instance-id": lambda found: found.id,
    "instance-type": lambda found: found.type,
    "instance-state-name": lambda found: found.state,
    "availability-zone": lambda found: found.zone,
    "instance-lifecycle": lambda found: "spot" if found.spot else "",
}


def describe_instances(fleet: FleetModel, params: Params, now: float) -> Params:
    """By ids (an unknown one is an error) or filters; terminated instances stay visible for an hour."""
    known = fleet.described(now)
    if ids := params.get("InstanceIds"):
        if "MaxResults" in params:
            raise ApiError("InvalidParameterCombination", "InstanceIds and MaxResults cannot be combined")
        by_id = {found.id: found for found in known}
        if missing := [instance for instance in ids if instance not in by_id]:
            names = ", ".join(missing)
            end = f"ID '{names}' does not exist" if len(missing) == 1 else f"IDs '{names}' do not exist"
            raise ApiError("InvalidInstanceID.NotFound", f"The instance {end}")
        known = [by_id[instance] for instance in dict.fromkeys(ids)]
    most = params.get("MaxResults", 1000)
    if not 5 <= most <= 1000:
        raise ApiError("InvalidParameterValue", f"Value ( {most} ) for parameter maxResults is invalid.")
    kept = [found for found in known if all(_matches(found, rule) for rule in params.get("Filters", ()))]
    items, token = page(kept, most, params.get("NextToken"))
    reservations = [
        {"ReservationId": f"r-{found.id[2:]}", "OwnerId": ACCOUNT, "Instances": [_instance(found)]}
        for found in items
    ]
    return {"Reservations": reservations, "NextToken": token}


def describe_spot_price_history(fleet: FleetModel, params: Params, now: float) -> Params:
    """One entry for each type and zone: the price that applies since `StartTime`, or now."""
    since = params.get("StartTime") or datetime.fromtimestamp(now, UTC)
    types, zone = params.get("InstanceTypes"), params.get("AvailabilityZone")
    found = [
        {
            "InstanceType": kind,
            "AvailabilityZone": at,
            "ProductDescription": "Linux/UNIX",
            "SpotPrice": f"{price:.6f}",
            "Timestamp": since,
        }
        for (kind, at), price in sorted(fleet.spot_prices.items())
        if (types is None or kind in types) and zone in {None, at}
    ]
    items, token = page(found, params.get("MaxResults", 1000), params.get("NextToken"))
    return {"SpotPriceHistory": items, "NextToken": token or ""}


def terminate_instances(fleet: FleetModel, params: Params, now: float) -> Params:
    """Directly, without hooks of a group."""
    changes = []
    for instance in params["InstanceIds"]:
        if instance not in fleet.instances:
            raise ApiError("InvalidInstanceID.NotFound", f"The instance ID '{instance}' does not exist")
        before = fleet.instances[instance].state
        fleet.terminate(instance, now)
        changes.append(
            {
                "InstanceId": instance,
                "PreviousState": _state(before),
                "CurrentState": _state("shutting-down"),
            }
        )
    return {"TerminatingInstances": changes}


def _matches(found: Instance, rule: Params) -> bool:
    name, values = rule["Name"], rule.get("Values", [])
    if name.startswith("tag:"):
        value = found.tags.get(name.removeprefix("tag:"))
        return value is not None and any(fnmatchcase(value, wanted) for wanted in values)
    if name == "tag-key":
        return any(fnmatchcase(key, wanted) for key in found.tags for wanted in values)
    if name not in _FILTERS:
        raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
    return any(fnmatchcase(_FILTERS[name](found), wanted) for wanted in values)


def _state(name: str) -> Params:
    return {"Code": _STATE_CODES[name], "Name": name}


def _instance(found: Instance) -> Params:
    described = {
        "InstanceId": found.id,
        "InstanceType": found.type,
        "Placement": {"AvailabilityZone": found.zone, "Tenancy": "default"},
        "State": _state(found.state),
        "CpuOptions": {"CoreCount": max(1, found.vcpu // 2), "ThreadsPerCore": min(2, found.vcpu)},
        "LaunchTime": datetime.fromtimestamp(found.launched_at, UTC),
        "Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()],
    }
    if found.spot:
        described["InstanceLifecycle"] = "spot"
    if found.terminated_at is not None:
        spot = found.end_reason == "spot"
        code = "Server.SpotInstanceTermination" if spot else "Client.UserInitiatedShutdown"
        described["StateReason"] = {"Code": code, "Message": code}
        at = datetime.fromtimestamp(found.terminated_at, UTC).strftime("%Y-%m-%d %H:%M:%S GMT")
        by = "Server" if spot else "User"
        described["StateTransitionReason"] = f"{by} initiated ({at})"
    return described


OPERATIONS: dict[str, Callable[[FleetModel, Params, float], Params]] = {
    "DescribeInstances": describe_instances,
    "DescribeSpotPriceHistory": describe_spot_price_history,
    "TerminateInstances": terminate_instances,
}
