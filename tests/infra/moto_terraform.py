"""A moto server, and a directory of Terraform whose resources are created there."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.servers.parent_watch import end_with_parent

from infra.terraform_tools import ROOT, Workspace, run_program

MOTO = ROOT / "build" / "infra" / "bin" / "moto_server"
REGION = "us-east-1"
CREATED = {
    ("autoscaling", "describe_auto_scaling_groups"): "AutoScalingGroups",
    ("autoscaling", "describe_policies"): "ScalingPolicies",
    ("cloudwatch", "describe_alarms"): "MetricAlarms",
    ("cloudwatch", "list_dashboards"): "DashboardEntries",
    ("ec2", "describe_launch_templates"): "LaunchTemplates",
    ("ecr", "describe_repositories"): "repositories",
    ("events", "list_rules"): "Rules",
    ("iam", "list_instance_profiles"): "InstanceProfiles",
    ("iam", "list_roles"): "Roles",
    ("lambda", "list_event_source_mappings"): "EventSourceMappings",
    ("lambda", "list_functions"): "Functions",
    ("logs", "describe_log_groups"): "logGroups",
    ("s3", "list_buckets"): "Buckets",
    ("sns", "list_subscriptions"): "Subscriptions",
    ("sns", "list_topics"): "Topics",
    ("sqs", "list_queues"): "QueueUrls",
}
"""Requests that list what modules create, with the key of the list: all are empty in a new account."""


@contextmanager
def moto_server() -> Iterator[str]:
    """A server without any resources; yields its address. Skips the test if moto is not installed."""
    if not MOTO.is_file():
        pytest.skip("moto is not installed: `make build/infra/.installed` installs it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            (MOTO, "-H", "127.0.0.1", "-p", str(port)),
            stdout=log,
            stderr=log,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process)
            yield address
        finally:
            process.kill()
            process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while True:
        assert process.poll() is None
        try:
            urllib.request.urlopen(f"{address}/moto-api/", timeout=5).close()  # noqa: S310 - http, of the test
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)
        else:
            return


class Applied:
    """A directory of a copy of the modules whose resources are on the server at `address`."""

    def __init__(self, workspace: Workspace, name: str, address: str) -> None:
        self.workspace, self.directory, self.address = workspace, workspace.root / name, address

    def run(self, *arguments: str) -> str:
        """Run Terraform; returns its standard output."""
        environment = {
            **self.workspace.environment(),
            "AWS_ENDPOINT_URL": self.address,
            **self.workspace.provider,
        }
        return run_program(
            (self.workspace.terraform.program, *arguments),
            directory=self.directory,
            environment=environment,
            timeout_s=600,
        )

    def change(self, command: str, *arguments: str) -> None:
        """`apply` or `destroy`. The provider waits half a minute for each queue: it shall do so at once."""
        self.run(command, "-auto-approve", "-no-color", "-input=false", "-parallelism=40", *arguments)

    def plan(self) -> tuple[dict[str, Any], ...]:
        """The changes of resources that a plan has, without those that stay as they are."""
        self.run("plan", "-no-color", "-input=false", "-parallelism=40", "-out", "plan")
        changes = json.loads(self.run("show", "-json", "plan"))["resource_changes"]
        return tuple(
            each for each in changes if each["mode"] == "managed" and each["change"]["actions"] != ["no-op"]
        )

    def client(self, service: str) -> Any:
        """A boto3 client of the server."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - moto accepts any
        )

    def remaining(self) -> dict[str, list[Any]]:
        """What `CREATED` lists on the server, by operation; VPCs and clusters without those of a new account.

        AWS and moto list gateways, endpoints and clusters for a while after they are deleted.
        """
        found = {
            operation: getattr(self.client(service), operation)().get(key, [])
            for (service, operation), key in CREATED.items()
        }
        ec2, ecs = self.client("ec2"), self.client("ecs")
        gateways, endpoints = ec2.describe_nat_gateways(), ec2.describe_vpc_endpoints()
        listed = [*gateways["NatGateways"], *endpoints["VpcEndpoints"]]
        found["gateways and endpoints"] = [each for each in listed if each["State"] != "deleted"]
        found["describe_vpcs"] = [each for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]]
        clusters = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
        found["describe_clusters"] = [each for each in clusters if each["status"] != "INACTIVE"]
        return {operation: listed for operation, listed in found.items() if listed}


def resources_of(module: Path) -> tuple[tuple[str, str], ...]:
    """The type and the name of each resource block of a module."""
    texts = (each.read_text("utf-8") for each in sorted(module.glob("*.tf")))
    return tuple(
        found for text in texts for found in re.findall(r'^resource "(\w+)" "(\w+)" \{$', text, re.MULTILINE)
    )
