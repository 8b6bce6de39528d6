"""The vCPU quotas of EC2 that the account has. Never run on AWS: tested with a fake of Service Quotas."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from eddyline.aws.client_errors import translate_service_errors

PERMISSIONS = ("servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota")
_REMEDY = f"allow this role {' and '.join(PERMISSIONS)}, or check its credentials"


def granted_vcpu(client: Any, codes: Collection[str]) -> dict[str, int]:  # noqa: ANN401 - boto3's
    """The vCPU that the account may run, by the code of the quota; unknown codes are left out.

    A quota that was never changed may have no value of the account: then AWS' default counts. Raises
    `UsageError` without access, else `ServiceError`.
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
    with translate_service_errors(f"reading quota {code}", remedy=_REMEDY):
        try:
            quota = operation(ServiceCode="ec2", QuotaCode=code)["Quota"]
        except client.exceptions.NoSuchResourceException:
            return None
    value = quota.get("Value")
    return int(value) if isinstance(value, int | float) and 0 <= value < 1e9 else None  # noqa: PLR2004 - a bound
