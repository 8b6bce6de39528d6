"""The boto3 clients of a function. Each is created at its first use, once for each execution environment.

The endpoints are AWS' own or those of the variables AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_ECS, ..., as usual.
"""

from __future__ import annotations

from functools import cache, cached_property

from eddyline.aws.lambdas.calls import Vendor

_CONNECT_S = 2
_READ_S = 5


class Clients:
    """One client for each service. `create` makes a client of a service; the default is boto3."""

    @cached_property
    def ecs(self) -> Vendor:
        """Amazon ECS."""
        return self.create("ecs")

    @cached_property
    def autoscaling(self) -> Vendor:
        """Amazon EC2 Auto Scaling."""
        return self.create("autoscaling")

    @cached_property
    def ec2(self) -> Vendor:
        """Amazon EC2."""
        return self.create("ec2")

    @cached_property
    def sqs(self) -> Vendor:
        """Amazon SQS."""
        return self.create("sqs")

    def create(self, service: str) -> Vendor:
        """A client that does not repeat calls: `Calls` does, within the budget of the invocation."""
        import boto3  # noqa: PLC0415 - slow to import
        from botocore.config import Config  # noqa: PLC0415 - likewise

        config = Config(
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        return boto3.client(service, config=config)


@cache
def shared_clients() -> Clients:
    """The clients of this execution environment."""
    return Clients()
