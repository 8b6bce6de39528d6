"""A fake of AWS' control plane over HTTP: ECS, Auto Scaling, EC2 and CloudWatch on a modelled fleet.

boto3 talks to it by endpoint URL. Every call is recorded. Calls can be throttled, delayed, and made to fail.

    with control_plane(FleetModel(effects=Recorded()), clock=time.time) as plane:
        plane.client("ecs").list_container_instances(cluster="eddyline-cpu")
        plane.limits["ecs", "UpdateContainerInstancesState"] = TokenBucket(burst=20, per_s=10)
        plane.fail("autoscaling", "CompleteLifecycleAction", "InternalFailure", times=2, status=500)
        plane.calls_of("CompleteLifecycleAction")
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.aws_api import auto_scaling, ec2, ec2_types, ecs, service_quotas
from tests.servers.aws_api.protocols import (
    ApiError,
    Call,
    Params,
    Reply,
    read_call,
    write_error,
    write_result,
)
from tests.servers.aws_api.token_bucket import TokenBucket
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import REGION
from tests.servers.loopback import Handler, listening

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
_VARIABLES = ("ECS", "AUTO_SCALING", "EC2", "CLOUDWATCH", "SERVICE_QUOTAS")
# The error of a throttled call differs between services.
_THROTTLED = {
    "ecs": ("ThrottlingException", 400),
    "autoscaling": ("Throttling", 400),
    "ec2": ("RequestLimitExceeded", 503),
    "cloudwatch": ("Throttling", 400),
    "service-quotas": ("TooManyRequestsException", 429),
}
_OPERATIONS: dict[str, dict[str, Callable[[FleetModel, Params, float], Params]]] = {
    "ecs": ecs.OPERATIONS,
    "autoscaling": auto_scaling.OPERATIONS,
    "ec2": ec2.OPERATIONS | ec2_types.OPERATIONS,
    "service-quotas": service_quotas.OPERATIONS,
    "cloudwatch": {"PutMetricData": lambda _fleet, _params, _now: {}},
}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A call, with its parameters as boto3 names them; `error`: the error code of its response, or ""."""

    service: str
    operation: str
    params: Params
    at: float
    error: str = ""


@dataclass(kw_only=True)
class ControlPlane:
    """The running fake. `limits`, `latency_s` by (service, operation), the operation "*" means all.

    `lock` guards the model: hold it while the model is changed from another thread.
    """

    fleet: FleetModel
    clock: Callable[[], float]
    url: str = ""
    calls: list[Recorded] = field(default_factory=list)
    limits: dict[tuple[str, str], TokenBucket] = field(default_factory=dict)
    latency_s: dict[tuple[str, str], float] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _failures: dict[tuple[str, str], list[ApiError]] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def client(self, service: str, **settings: Any) -> Any:
        """A boto3 client of this fake; `settings`: of boto3.client."""
        import boto3

        return boto3.client(service, endpoint_url=self.url, **{**KEYS, **settings})

    @property
    def environment(self) -> dict[str, str]:
        """Variables that send these calls of boto3 in other processes to this fake, and no others."""
        found = {f"AWS_ENDPOINT_URL_{name}": self.url for name in _VARIABLES}
        return found | {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def fail(self, service: str, operation: str, code: str, *, times: int = 1, status: int = 400) -> None:
        """Make the next `times` calls fail with `code`."""
        with self.lock:
            failures = self._failures.setdefault((service, operation), [])
            failures.extend([ApiError(code, "injected", status=status)] * times)

    def calls_of(self, operation: str) -> list[Params]:
        """The parameters of all successful calls of `operation`."""
        with self.lock:
            return [call.params for call in self.calls if call.operation == operation and not call.error]

    def metric_data(self) -> list[tuple[str, Params]]:
        """What was put to CloudWatch: namespace and datum."""
        puts = self.calls_of("PutMetricData")
        return [(str(put["Namespace"]), datum) for put in puts for datum in put.get("MetricData", ())]

    def respond(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """The response to a request."""
        request_id = f"{next(self._ids):08d}-0000-4000-8000-000000000000"
        try:
            call = read_call(path, headers, body)
        except ApiError as error:
            return write_error("json", error, request_id)
        for key in ((call.service, call.operation), (call.service, "*")):
            time.sleep(self.latency_s.get(key, 0.0))
        try:
            with self.lock:
                result = self._run(call)
        except ApiError as error:
            self._record(call, error.code)
            return write_error(call.protocol, error, request_id)
        self._record(call)
        return write_result(call, result, request_id)

    def _run(self, call: Call) -> Params:
        now = self.clock()
        for key in ((call.service, call.operation), (call.service, "*")):
            limit = self.limits.get(key)
            if limit is not None and not limit.take(now):
                code, status = _THROTTLED[call.service]
                raise ApiError(code, "Rate exceeded", status=status)
            if failures := self._failures.get(key):
                raise failures.pop(0)
        operation = _OPERATIONS.get(call.service, {}).get(call.operation)
        if operation is None:
            raise ApiError("InvalidAction", f"this fake has no {call.service} {call.operation}")
        return operation(self.fleet, call.params, now)

    def _record(self, call: Call, error: str = "") -> None:
        with self.lock:
            self.calls.append(
                Recorded(
                    service=call.service,
                    operation=call.operation,
                    params=call.params,
                    at=self.clock(),
                    error=error,
                )
            )


@contextmanager
def control_plane(fleet: FleetModel, *, clock: Callable[[], float] = time.time) -> Iterator[ControlPlane]:
    """The fake on a free loopback port."""
    plane = ControlPlane(fleet=fleet, clock=clock)

    class Api(Handler):
        def do_POST(self) -> None:
            reply = plane.respond(self.path, dict(self.headers.items()), self.body())
            self.respond(reply.status, reply.body, reply.headers)

    with listening(Api) as plane.url:
        yield plane
