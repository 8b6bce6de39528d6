"""The modules network, queues, storage and registry on moto: applied, planned again, used, and destroyed.

docs/how-to/deploy.md lists what moto cannot apply, and what it does not return.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.parent_watch import end_with_parent

from eddyline.app.shared_services import PRIORITIES
from eddyline.aws.s3_events.event_queue import ensure_event_queue, event_queue_client
from eddyline.aws.sqs.client import QueueNames, SqsClient
from infra.terraform_tools import ROOT, MissingProgramError, Terraform, Workspace, run_program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MOTO = ROOT / "build" / "infra" / "bin" / "moto_server"
EXAMPLE = "infra/terraform/examples/applied"
MAIN = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
}

module "network" {
  source = "../../modules/network"
  zones  = ["us-east-1a", "us-east-1b"]
}

module "queues" {
  source = "../../modules/queues"
  pools  = ["light", "cpu"]
}

module "storage" {
  source           = "../../modules/storage"
  media_bucket     = "example-media"
  upload_bucket    = "example-uploads"
  ingest_queue_arn = module.queues.ingest_queue_arn
}

module "registry" {
  source = "../../modules/registry"
}
"""
# What moto 5.2.5 does not return as it was written: (type, attribute).
NOT_RETURNED = {
    ("aws_vpc_security_group_egress_rule", "description"),
    ("aws_vpc_security_group_ingress_rule", "description"),
    ("aws_s3_bucket_notification", "eventbridge"),
    ("aws_sqs_queue", "redrive_policy"),  # with other spaces
}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """A moto server; yields its address."""
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
    """A directory whose resources are on moto."""

    def __init__(self, workspace: Workspace, address: str) -> None:
        self.workspace, self.address = workspace, address

    def run(self, *arguments: str) -> str:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("TF_", "AWS_"))},
            "TF_CLI_CONFIG_FILE": str(self.workspace.configuration),
            "AWS_ENDPOINT_URL": self.address,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return run_program(
            (self.workspace.terraform.program, *arguments),
            directory=self.workspace.root / EXAMPLE,
            environment=environment,
        )


@pytest.fixture(scope="module")
def applied(moto: str) -> Iterator[Applied]:
    try:
        terraform = Terraform.find()
    except MissingProgramError as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory() as folder:
        workspace = terraform.copy_of_modules(Path(folder))
        (workspace.root / EXAMPLE).mkdir(parents=True)
        (workspace.root / EXAMPLE / "main.tf").write_text(MAIN, "utf-8")
        workspace.initialize(EXAMPLE)
        found = Applied(workspace, moto)
        found.run("apply", "-auto-approve", "-no-color", "-input=false")
        yield found
        found.run("destroy", "-auto-approve", "-no-color", "-input=false")
        assert found.run("state", "list").strip() == ""


def _differences(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {
        key for key in {*before, *after} if before.get(key) != after.get(key) and after.get(key) is not None
    }


def test_a_second_plan_changes_nothing(applied: Applied) -> None:
    applied.run("plan", "-no-color", "-input=false", "-out", "plan")
    plan = json.loads(applied.run("show", "-json", "plan"))
    found = set()
    for each in plan["resource_changes"]:
        if each["mode"] == "managed" and each["change"]["actions"] != ["no-op"]:
            assert each["change"]["actions"] == ["update"], each["address"]
            before, after = each["change"]["before"], each["change"]["after"]
            for attribute in _differences(before, after):
                found.add((each["type"], attribute))
                if attribute == "redrive_policy":
                    assert json.loads(before[attribute]) == json.loads(after[attribute])
    assert found <= NOT_RETURNED


def test_coordinators_and_ingest_find_the_queues_as_they_want_them(
    applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Terraform created is what the program would create: a process that starts writes nothing."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = boto3.client("sqs", endpoint_url=applied.address, region_name="us-east-1")
    writes: list[str] = []
    for operation in ("CreateQueue", "SetQueueAttributes"):
        client.meta.events.register(
            f"before-call.sqs.{operation}", lambda model, **_: writes.append(model.name)
        )
    naming = QueueNames(prefix="eddyline", pools=("light", "cpu"), priorities=PRIORITIES)
    SqsClient(client, naming).ensure_queues()
    found = ensure_event_queue(event_queue_client(client), "eddyline-ingest")
    assert (found.dead_letters, found.max_receive_count) == ("eddyline-ingest-dead", 100)
    assert writes == []
