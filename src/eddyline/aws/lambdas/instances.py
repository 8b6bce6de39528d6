"""What the functions ask of Amazon EC2: type, zone, tags, launch time and cause of the end of instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eddyline.aws.lambdas.calls import CallError, Calls, Vendor
from eddyline.fleet.names import TAG_GROUP, TAG_POOL, TAG_PREFIX

_MAX_IDS = 100  # of one filter; AWS allows 200 values
_SPOT_ENDS = frozenset({"Server.SpotInstanceTermination", "Server.SpotInstanceShutdown"})
_ENDED = frozenset({"shutting-down", "terminated", "stopping", "stopped"})


@dataclass(frozen=True, kw_only=True)
class Ec2Instance:
    """An instance. `launched` is in seconds since 1970; texts are empty where EC2 does not say.

    `ended`: it is shutting down or has ended. `interrupted`: EC2 ended it to take back Spot capacity.
    """

    type: str
    zone: str
    spot: bool
    launched: float | None
    prefix: str
    pool: str
    group: str
    ended: bool
    interrupted: bool


def describe_instances(client: Vendor, calls: Calls, instances: Iterable[str]) -> Mapping[str, Ec2Instance]:
    """Those of the instances that EC2 still knows, which is for about an hour after the end.

    A filter is used instead of a list of ids: one unknown id would make the whole call fail.
    """
    ids = list(dict.fromkeys(instances))
    found: dict[str, Ec2Instance] = {}
    for start in range(0, len(ids), _MAX_IDS):
        found |= _describe(client, calls, ids[start : start + _MAX_IDS])
    return found


def _describe(client: Vendor, calls: Calls, ids: Sequence[str]) -> dict[str, Ec2Instance]:
    found: dict[str, Ec2Instance] = {}
    params: dict[str, Any] = {"Filters": [{"Name": "instance-id", "Values": list(ids)}], "MaxResults": 1000}
    while True:
        try:
            answer = calls.call(client.describe_instances, **params)
        except CallError as error:
            if error.code.startswith("InvalidInstanceID"):
                return found
            raise
        for reservation in answer.get("Reservations", ()):
            for each in reservation.get("Instances", ()):
                found[each["InstanceId"]] = _instance(each)
        if not answer.get("NextToken"):
            return found
        params["NextToken"] = answer["NextToken"]


def _instance(found: Mapping[str, Any]) -> Ec2Instance:
    tags = {tag.get("Key", ""): tag.get("Value", "") for tag in found.get("Tags", ())}
    launched = found.get("LaunchTime")
    return Ec2Instance(
        type=found.get("InstanceType", ""),
        zone=found.get("Placement", {}).get("AvailabilityZone", ""),
        spot=found.get("InstanceLifecycle") == "spot",
        launched=launched.timestamp() if launched is not None else None,
        prefix=tags.get(TAG_PREFIX, ""),
        pool=tags.get(TAG_POOL, ""),
        group=tags.get(TAG_GROUP, ""),
        ended=found.get("State", {}).get("Name") in _ENDED,
        interrupted=found.get("StateReason", {}).get("Code") in _SPOT_ENDS,
    )
