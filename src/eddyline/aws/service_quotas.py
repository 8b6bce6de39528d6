"""The vCPU quotas of EC2 that the account has. Never run on AWS: tested with a fake of Service Quotas."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from eddyline.aws.call_errors import described

PERMISSIONS = ("servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota")


def quotas_client(*, endpoint: str | None = None, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's
    """A boto3 client with the standard credential chain."""
    import boto3  # noqa: PLC0415 - slow to import
    from botocore.config import Config  # noqa: PLC0415 - likewise

    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 6})
    with described("opening Service Quotas", PERMISSIONS):
        return boto3.client("service-quotas", endpoint_url=endpoint, region_name=region, config=config)


def granted_vcpu(client: Any, codes: Collection[str]) -> dict[str, int]:  # noqa: ANN401 - boto3's
    """The vCPU that the account may run, by the code of the quota; unknown codes are left out.

    A quota that was never changed may have no value of the account: then AWS' default counts. Raises
    `UsageError` without access, else `TransientError`.
    """
    found = {}
    for code in sorted(codes):
        for operation in (client.get_service_quota, client.get_aws_default_service_quota):
            value = _value(client, operation, code)
            if value is not None:
                found[code] = value
                break
    return found


def _value(client: Any, operation: Any, code: str) -> int | None:  # noqa: ANN401 - boto3's
    with described(f"reading quota {code}", PERMISSIONS):
        try:
            quota = operation(ServiceCode="ec2", QuotaCode=code)["Quota"]
        except client.exceptions.NoSuchResourceException:
            return None
    value = quota.get("Value")
    return int(value) if isinstance(value, int | float) and 0 <= value < 1e9 else None  # noqa: PLR2004 - a bound
