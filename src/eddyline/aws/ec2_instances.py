"""The instances of this installation, as Amazon EC2 describes them (DescribeInstances)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from eddyline.aws.client_errors import translate_service_errors
from eddyline.fleet.names import TAG_GROUP, TAG_POOL, TAG_PREFIX
from eddyline.fleet.record.missed_events import DescribedInstance

MAX_INSTANCES = 100_000
_PAGE = 1000
_IDS = 200  # values of one filter
_REMEDY = "allow ec2:DescribeInstances, and check the region and the credentials"
_CHANGED_AT = re.compile(r"\((\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) (?:GMT|UTC)\)")


class Ec2Instances:
    """Describes instances of one region. Raises `ServiceError`, or `AccessError` without permission."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3's
        self._client = client
        self.region = str(client.meta.region_name)

    def of_prefix(self, prefix: str) -> list[DescribedInstance]:
        """The instances with the tag `eddyline:prefix`, of any state; ended ones for about an hour."""
        return self._describe([{"Name": f"tag:{TAG_PREFIX}", "Values": [prefix]}])

    def by_id(self, ids: Collection[str]) -> list[DescribedInstance]:
        """Those of the instances that EC2 still knows, with any tags or none."""
        left = iter(sorted(ids))
        found: list[DescribedInstance] = []
        while batch := list(islice(left, _IDS)):
            # As a filter: a list of ids with an unknown one would be an error.
            found += self._describe([{"Name": "instance-id", "Values": batch}])
        return found

    def _describe(self, filters: list[dict[str, Any]]) -> list[DescribedInstance]:
        with translate_service_errors("describing the EC2 instances", remedy=_REMEDY):
            pages = self._client.get_paginator("describe_instances").paginate(
                Filters=filters, PaginationConfig={"PageSize": _PAGE, "MaxItems": MAX_INSTANCES}
            )
            return list(_instances(pages))


def _instances(pages: Iterable[Mapping[str, Any]]) -> Iterator[DescribedInstance]:
    for page in pages:
        for reservation in page.get("Reservations", ()):
            for instance in reservation.get("Instances", ()):
                yield _described(instance, str(reservation.get("OwnerId", "")))


def _described(instance: Mapping[str, Any], account: str) -> DescribedInstance:
    tags = {str(tag.get("Key")): str(tag.get("Value", "")) for tag in instance.get("Tags", ())}
    launched = instance.get("LaunchTime")
    options = instance.get("CpuOptions", {})
    vcpu = int(options.get("CoreCount", 0)) * int(options.get("ThreadsPerCore", 0))
    return DescribedInstance(
        instance=str(instance.get("InstanceId", "")),
        state=str(instance.get("State", {}).get("Name", "")),
        launched=launched.timestamp() if isinstance(launched, datetime) else None,
        instance_type=str(instance.get("InstanceType", "")),
        zone=str(instance.get("Placement", {}).get("AvailabilityZone", "")),
        spot=instance.get("InstanceLifecycle") == "spot",
        vcpu=vcpu or None,
        account=account,
        prefix=tags.get(TAG_PREFIX, ""),
        pool=tags.get(TAG_POOL, ""),
        group=tags.get(TAG_GROUP, ""),
        reason=str(instance.get("StateReason", {}).get("Code", "")),
        changed_at=_changed_at(str(instance.get("StateTransitionReason", ""))),
    )


def _changed_at(reason: str) -> float | None:
    """The time in a `StateTransitionReason`, such as "User initiated (2026-01-31 12:00:00 GMT)"."""
    found = _CHANGED_AT.search(reason)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
