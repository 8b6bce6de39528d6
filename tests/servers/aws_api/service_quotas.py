"""The part of the API of Service Quotas that reads single quotas, on the values of a modelled fleet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.servers.aws_api.protocols import ApiError, Params
from tests.servers.fleet_model.fleet import FleetModel


def get_service_quota(fleet: FleetModel, params: Params, _now: float) -> Params:
    """The value of the account; an error if the account has none."""
    return _quota(fleet.quotas, params)


def get_aws_default_service_quota(fleet: FleetModel, params: Params, _now: float) -> Params:
    """AWS' default."""
    return _quota(fleet.default_quotas, params)


def _quota(values: Mapping[str, float], params: Params) -> Params:
    code = params["QuotaCode"]
    if params["ServiceCode"] != "ec2" or code not in values:
        raise ApiError("NoSuchResourceException", f"no quota {code}")
    return {"Quota": {"ServiceCode": "ec2", "QuotaCode": code, "Value": values[code], "Unit": "None"}}


OPERATIONS: dict[str, Callable[[FleetModel, Params, float], Params]] = {
    "GetServiceQuota": get_service_quota,
    "GetAWSDefaultServiceQuota": get_aws_default_service_quota,
}
