"""The modules of the fleet on moto: applied, planned again, read back, used, and destroyed.

docs/how-to/deploy.md lists what moto cannot apply, and what it does not return.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.infra.machines_on_moto import check_overrides, check_template
from tests.infra.moto_terraform import Applied, moto_server, resources_of
from tests.infra.scaling_on_moto import alarm_in_table_form, policy_in_table_form
from tests.servers.parent_watch import end_with_parent

from eddyline.app.shared_services import PRIORITIES
from eddyline.aws.lambdas.rules import rules
from eddyline.aws.lambdas.settings import load_settings
from eddyline.aws.s3_events.event_queue import ensure_event_queue, event_queue_client
from eddyline.aws.sqs.client import QueueNames, SqsClient
from eddyline.fleet import names
from eddyline.fleet.capacity import Capacity
from eddyline.fleet.pools import load_pools
from eddyline.fleet.scaling.pool_bounds import bounds_of
from eddyline.fleet.scaling.table import scaling_table
from infra.terraform_tools import MissingProgramError, Terraform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EXAMPLE = "infra/terraform/examples/applied"
MAIN = Path(__file__).with_name("applied") / "main.tf"
MODULES = ("network", "queues", "storage", "registry", "drain", "watch")
REFUSED = ("aws_ecs_task_definition", "aws_ecs_service")
"""What moto 5.2.5 refuses of a pool: a task definition for EC2 without `memory`, and thus the service."""
# What moto 5.2.5 does not return as it was written: (type, attribute).
NOT_RETURNED = {
    ("aws_vpc_security_group_egress_rule", "description"),
    ("aws_vpc_security_group_ingress_rule", "description"),
    ("aws_s3_bucket_notification", "eventbridge"),
    ("aws_sqs_queue", "redrive_policy"),  # with other spaces
    ("aws_autoscaling_group", "default_instance_warmup"),
    ("aws_autoscaling_group", "desired_capacity_type"),
    ("aws_autoscaling_group", "capacity_reservation_specification"),  # null in place of ""
    ("aws_autoscaling_group", "mixed_instances_policy"),  # the version of the launch template, see below
    ("aws_autoscaling_lifecycle_hook", "notification_target_arn"),  # moto sets an example
    ("aws_autoscaling_lifecycle_hook", "role_arn"),  # moto sets an example
    ("aws_autoscaling_policy", "enabled"),
    ("aws_autoscaling_policy", "predictive_scaling_configuration"),  # empty in place of none
    ("aws_launch_template", "tag_specifications"),  # with the tags of the template itself
}
SHIPPED = load_pools().pools
CAPACITIES: dict[str, Capacity] = {
    "cpu": SHIPPED["cpu"].capacity,
    "cpu-classic": SHIPPED["cpu-classic"].capacity.model_copy(update={"predictive": True}),
}


@pytest.fixture(scope="module")
def applied() -> Iterator[Applied]:
    try:
        terraform = Terraform.find()
    except MissingProgramError as error:
        pytest.skip(str(error))
    with moto_server() as address, tempfile.TemporaryDirectory() as folder:
        workspace = terraform.copy_of_modules(Path(folder))
        (workspace.root / EXAMPLE).mkdir(parents=True)
        (workspace.root / EXAMPLE / "main.tf").write_text(MAIN.read_text("utf-8"), "utf-8")
        with zipfile.ZipFile(workspace.root / EXAMPLE / "package.zip", "w") as package:
            package.writestr("functions.py", "")
        workspace.initialize(EXAMPLE)
        with workspace.with_provider(EXAMPLE, end_with_parent, AWS_ENDPOINT_URL=address) as attached:
            found = Applied(attached, EXAMPLE, address)
            assert found.remaining() == {}
            found.change("apply", *(f"-target={each}" for each in targets(workspace.root)))
            yield found
            found.change("destroy")
            assert found.run("state", "list").strip() == ""
            assert found.remaining() == {}


def targets(root: Path) -> Iterator[str]:
    """All but the resources that moto refuses."""
    yield from (f"module.{name}" for name in MODULES)
    for kind, name in resources_of(root / "infra" / "terraform" / "modules" / "pool"):
        if kind not in REFUSED:
            yield from (f'module.pool["{pool}"].{kind}.{name}' for pool in CAPACITIES)


def test_the_modules_are_planned_again_read_back_and_used(applied: Applied) -> None:
    """One test: pytest would distribute several to two processes, and each would apply everything."""
    check_second_plan(applied)
    check_queues(applied)
    for pool in CAPACITIES:
        check_groups(applied, pool)
        check_policies_and_alarms(applied, pool)
    check_functions(applied)
    check_dashboard(applied)


# The second plan


def check_second_plan(applied: Applied) -> None:
    """A second plan changes nothing, and adds only what moto refused."""
    found, created, definitions = set(), Counter[str](), []
    for each in applied.plan():
        before, after = each["change"]["before"], each["change"]["after"]
        if each["type"] in REFUSED:
            assert each["change"]["actions"] == ["create"], each["address"]
            created[each["type"]] += 1
            if each["type"] == "aws_ecs_task_definition":
                definitions.append(after)
            continue
        assert each["change"]["actions"] == ["update"], each["address"]
        for attribute in differences(each["change"]):
            found.add((each["type"], attribute))
            if attribute == "redrive_policy":
                assert json.loads(before[attribute]) == json.loads(after[attribute])
            if attribute == "mixed_instances_policy":
                assert without_version(before[attribute]) == without_version(after[attribute])
    assert found == NOT_RETURNED
    assert created == dict.fromkeys(REFUSED, len(CAPACITIES))
    for definition in definitions:
        register(applied.client("ecs"), definition)


def differences(change: dict[str, Any]) -> set[str]:
    """The attributes that a change sets to other values, without those that are known after it only."""
    before, after, unknown = change["before"], change["after"], change["after_unknown"]
    return {
        key for key in {*before, *after} if before.get(key) != after.get(key) and unknown.get(key) is not True
    }


def without_version(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A mixed instances policy; the version is unknown as long as the template seems to change."""
    found: list[dict[str, Any]] = json.loads(json.dumps(policies))
    for policy in found:
        for specification in policy["launch_template"][0]["launch_template_specification"]:
            specification.pop("version", None)
    return found


def register(client: Any, definition: dict[str, Any]) -> None:
    """moto refuses the definition because of its memory only; botocore checks it against the API of ECS."""
    request = {
        "family": definition["family"],
        "networkMode": definition["network_mode"],
        "containerDefinitions": json.loads(definition["container_definitions"]),
        "volumes": [
            {"name": each["name"], "host": {"sourcePath": each["host_path"]}} for each in definition["volume"]
        ],
    }
    with pytest.raises(client.exceptions.ClientException, match="memoryReservation"):
        client.register_task_definition(
            **request, requiresCompatibilities=definition["requires_compatibilities"]
        )
    registered = client.register_task_definition(**request)["taskDefinition"]
    (container,) = registered["containerDefinitions"]
    assert container["memoryReservation"] > 0
    assert container["stopTimeout"] == 900
    client.deregister_task_definition(taskDefinition=registered["taskDefinitionArn"])


# Queues


def check_queues(applied: Applied) -> None:
    """What Terraform created is what the program would create: a process that starts writes nothing."""
    client = applied.client("sqs")
    writes: list[str] = []
    for operation in ("CreateQueue", "SetQueueAttributes"):
        client.meta.events.register(
            f"before-call.sqs.{operation}", lambda model, **_: writes.append(model.name)
        )
    naming = QueueNames(prefix="eddyline", pools=("light", *CAPACITIES), priorities=PRIORITIES)
    SqsClient(client, naming).ensure_queues()
    found = ensure_event_queue(event_queue_client(client), "eddyline-ingest")
    assert (found.dead_letters, found.max_receive_count) == ("eddyline-ingest-dead", 100)
    assert writes == []


# Pools


def check_groups(applied: Applied, pool: str) -> None:
    """The groups start the machines of the pools file."""
    client, capacity = applied.client("autoscaling"), CAPACITIES[pool]
    on_demand = capacity.on_demand
    for spot, low, high in (
        (True, capacity.min_vcpu, capacity.max_vcpu),
        (False, on_demand.min_vcpu, on_demand.max_vcpu),
    ):
        name = names.group_name("eddyline", pool, spot=spot)
        (group,) = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        assert (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]) == (low, high, low)
        assert len(group["VPCZoneIdentifier"].split(",")) == 2
        assert [each["ProcessName"] for each in group["SuspendedProcesses"]] == ["AZRebalance"]
        assert not group["CapacityRebalance"]
        tags = {tag["Key"]: tag["Value"] for tag in group["Tags"] if tag["PropagateAtLaunch"]}
        purchase = "spot" if spot else "od"
        assert tags == {
            "Name": name,
            names.TAG_PREFIX: "eddyline",
            names.TAG_POOL: pool,
            names.TAG_PURCHASE: purchase,
        }
        policy = group["MixedInstancesPolicy"]
        distribution = policy["InstancesDistribution"]
        assert distribution["OnDemandBaseCapacity"] == 0
        assert distribution["OnDemandPercentageAboveBaseCapacity"] == (0 if spot else 100)
        assert distribution["SpotAllocationStrategy"] == capacity.spot.strategy
        check_overrides(policy["LaunchTemplate"]["Overrides"], capacity)
        assert policy["LaunchTemplate"]["LaunchTemplateSpecification"]["LaunchTemplateName"] == name
        check_template(applied, name, pool, capacity)
        (hook,) = client.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
        assert hook["LifecycleHookName"] == names.hook_name("eddyline")
        assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
        assert (hook["HeartbeatTimeout"], hook["DefaultResult"]) == (capacity.hook_s, "CONTINUE")


def check_policies_and_alarms(applied: Applied, pool: str) -> None:
    """Policies and alarms are those of the scaling table."""
    table = scaling_table({pool: bounds_of(CAPACITIES[pool])}, "eddyline")[pool]
    client = applied.client("autoscaling")
    policies = [
        each
        for spot in (True, False)
        for each in client.describe_policies(
            AutoScalingGroupName=names.group_name("eddyline", pool, spot=spot)
        )["ScalingPolicies"]
    ]
    wanted = {each["name"]: each for each in table["policies"]}
    assert {each["PolicyName"]: policy_in_table_form(each) for each in policies} == wanted
    arns = {each["PolicyName"]: each["PolicyARN"] for each in policies}
    (topic,) = applied.client("sns").list_topics()["Topics"]
    alarms = {each["alarm_name"]: each for each in table["alarms"]}
    found = applied.client("cloudwatch").describe_alarms(AlarmNames=list(alarms))["MetricAlarms"]
    assert {each["AlarmName"] for each in found} == set(alarms)
    for alarm in found:
        expected = alarms[alarm["AlarmName"]]
        policy = expected.pop("scaling_policy")
        assert alarm["AlarmActions"] == [arns[policy] if policy else topic["TopicArn"]]
        if "metric_query" in expected:
            expected["metric_query"] = {each["id"]: each for each in expected["metric_query"]}
        assert alarm_in_table_form(alarm) == expected


# Functions


def check_functions(applied: Applied) -> None:
    """The functions get their events."""
    client = applied.client("events")
    created = [each for each in client.list_rules()["Rules"] if each["Name"] != "eddyline-uploads"]
    assert sorted(json.dumps(json.loads(each["EventPattern"]), sort_keys=True) for each in created) == sorted(
        json.dumps(rule.pattern, sort_keys=True) for rule in rules("eddyline")
    )
    functions = {
        each["FunctionName"]: each for each in applied.client("lambda").list_functions()["Functions"]
    }
    mappings = applied.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    sources = {each["FunctionArn"]: each["EventSourceArn"] for each in mappings}
    assert set(functions) == {
        names.function_name("eddyline", each)
        for each in (names.GENERAL_DRAIN, names.SPOT_DRAIN, names.SPOT_METRICS)
    }
    for function in functions.values():
        settings = load_settings(function["Environment"]["Variables"])
        assert {name: pool.hook_s for name, pool in settings.pools.items()} == {
            name: capacity.hook_s for name, capacity in CAPACITIES.items()
        }
        assert function["FunctionArn"] in sources
    for rule in created:
        (target,) = client.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        assert target["DeadLetterConfig"]["Arn"].endswith(":eddyline-events-dead")
        queue = "lambda" not in target["Arn"]
        assert target["Arn"] in (sources.values() if queue else sources)
        if queue:
            assert rule["Arn"] in senders(applied, target["Arn"])


def senders(applied: Applied, queue: str) -> list[str]:
    """The rules that the policy of a queue admits."""
    client = applied.client("sqs")
    url = client.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    statements = json.loads(attributes["Policy"])["Statement"]
    (allowed,) = (each for each in statements if each["Effect"] == "Allow")
    found = allowed["Condition"]["ArnEquals"]["aws:SourceArn"]
    return [found] if isinstance(found, str) else found


def check_dashboard(applied: Applied) -> None:
    """The dashboard shows all pools."""
    body = applied.client("cloudwatch").get_dashboard(DashboardName="eddyline")["DashboardBody"]
    titles = {each["properties"]["title"] for each in json.loads(body)["widgets"]}
    assert {f"{pool}: slots" for pool in CAPACITIES} < titles
