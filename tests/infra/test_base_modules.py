"""The modules network, storage, queues and service agree with the program."""

from __future__ import annotations

import re

import pytest
from tests.infra.plans import read_plans

from eddyline.app.shared_services import PRIORITIES
from eddyline.aws.sqs.client import RETENTION_S
from eddyline.aws.sqs.queue_names import QueueNames
from eddyline.fleet import names
from eddyline.pipeline.planning.output_layout import OUTPUT, SOURCES, STATE
from eddyline.pipeline.runtime.upload_cleanup import _MIN_AGES_S
from infra.terraform_tools import ROOT

MODULES = ROOT / "infra" / "terraform" / "modules"
SOURCE = ROOT / "src" / "eddyline"


@pytest.mark.slow
def test_the_queues_of_the_plan_are_those_that_the_program_expects(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    plan = read_plans(tmp_path_factory, "queues")["names_and_attributes"]
    queues = {each["name"]: each for each in plan.all("aws_sqs_queue").values()}
    expected = QueueNames(prefix="eddyline", pools=("light", "cpu"), priorities=PRIORITIES)
    ingest = {"eddyline-ingest", "eddyline-ingest-dead"}  # aws/s3_events/event_queue.py: QUEUE and QUEUE-dead
    fleet = {names.fleet_queue("eddyline"), names.drain_queue("eddyline")}
    assert set(queues) == {*expected.job_queues, expected.reports, expected.dead_letters} | ingest | fleet
    for name in (*expected.job_queues, expected.reports, expected.dead_letters):
        assert queues[name]["message_retention_seconds"] == RETENTION_S
        assert queues[name]["visibility_timeout_seconds"] == 30


def test_lifecycle_rules_use_the_prefixes_and_ages_of_the_program() -> None:
    text = (MODULES / "storage" / "lifecycle.tf").read_text("utf-8")
    prefixes = dict(re.findall(r'(?m)^  (\w+) += "\$\{var\.media_prefix\}/([^"]+)/"', text))
    assert prefixes == {"state": STATE, "parts": f"{STATE}/parts", "output": OUTPUT}
    days = {prefixes[name]: int(count) for name, count in re.findall(r"\(local\.(\w+)\) = (\d+)", text)}
    assert {prefix: count * 86_400.0 for prefix, count in days.items()} == {
        prefix: age for prefix, age in _MIN_AGES_S.items() if prefix != SOURCES
    }
    assert _MIN_AGES_S[SOURCES] == 7 * 86_400.0, "the rule of the whole bucket"


def test_there_is_an_endpoint_for_each_service_that_machines_call() -> None:
    text = (MODULES / "network" / "endpoints.tf").read_text("utf-8")
    listed = re.search(r"interface_services = toset\(\[(.*?)\]\)", text, re.DOTALL)
    assert listed is not None
    endpoints = set(re.findall(r'"([a-z0-9.-]+)"', listed[1]))
    called = {
        service
        for path in SOURCE.rglob("*.py")
        if not path.is_relative_to(SOURCE / "aws" / "lambdas")  # functions are not in the VPC
        for service in re.findall(r'client\(\s*"([a-z0-9-]+)"', path.read_text("utf-8"))
    }
    assert {"sqs", "s3", "cloudwatch", "ec2"} <= called
    names_of = {"cloudwatch": "monitoring", "s3": None}
    assert {names_of.get(each, each) for each in called} - {None} <= endpoints | _BY_OPERATORS
    # The others: the ECS agent, image pulls, the log driver and secrets.
    assert endpoints - {"sqs", "monitoring", "ec2"} == {
        "ecr.api",
        "ecr.dkr",
        "ecs",
        "ecs-agent",
        "ecs-telemetry",
        "logs",
        "secretsmanager",
    }


_BY_OPERATORS = {"pricing", "service-quotas", "autoscaling", "ecs"}  # commands outside of the VPC


def test_coordinators_and_ingest_may_call_what_the_guides_list() -> None:
    roles = (MODULES / "service" / "roles.tf").read_text("utf-8")
    policy = roles[roles.index('"coordinator" {') : roles.index('"ingest" {')]
    allowed = set(re.findall(r'"sqs:(\w+)"', policy))
    page = (ROOT / "docs" / "how-to" / "fleet.md").read_text("utf-8")
    (row,) = re.findall(r"\| coordinator, on all \| ([^|]+) \|", page)
    assert allowed == {*row.strip().split(", "), "ListQueues"}
    ingest = set(re.findall(r'"sqs:(\w+)"', roles[roles.index('"ingest" {') :]))
    page = (ROOT / "docs" / "how-to" / "ingest.md").read_text("utf-8")
    (text,) = re.findall(r"on the queue (`sqs:.*?);", page, re.DOTALL)
    assert ingest == {each.removeprefix("sqs:") for each in re.findall(r"`([\w:]+)`", text)}
