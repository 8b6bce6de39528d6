"""The plan of the module `drain` equals the rules, permissions and settings of the Lambda functions."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.infra.plans import Plan, read_plans, statements
from tests.servers.lambda_runtime import event_matches
from tests.unit.fleet.events import recorded_events as recorded

from eddyline.aws.lambdas.calls import BUDGET_S
from eddyline.aws.lambdas.permissions import PERMISSIONS, Resource
from eddyline.aws.lambdas.rules import Target, rules
from eddyline.aws.lambdas.settings import load_settings
from eddyline.fleet import names
from eddyline.fleet.names import GENERAL_DRAIN, SPOT_DRAIN, SPOT_METRICS
from eddyline.fleet.pools import BUILT_IN

pytestmark = pytest.mark.slow

PLACE = "eu-central-1:123456789012"
FUNCTIONS = (GENERAL_DRAIN, SPOT_DRAIN, SPOT_METRICS)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return read_plans(tmp_path_factory, "drain")["plan"]


def function_of(plan: Plan, function: str) -> dict[str, Any]:
    found: dict[str, Any] = plan.all("aws_lambda_function")[f'this["{function}"]']
    return found


# Events


def test_the_rules_are_those_of_the_package(plan: Plan) -> None:
    expected = Counter(json.dumps(rule.pattern, sort_keys=True) for rule in rules("eddyline"))
    planned = Counter(
        json.dumps(json.loads(rule["event_pattern"]), sort_keys=True)
        for rule in plan.all("aws_cloudwatch_event_rule").values()
    )
    assert planned == expected


def receivers(plan: Plan, event: dict[str, Any]) -> set[str]:
    """The functions that get an event: from a rule, or from a queue that accepts what the rule sends."""
    queues = sources_of_queues(plan)
    found = set()
    for key, rule in plan.all("aws_cloudwatch_event_rule").items():
        if not event_matches(json.loads(rule["event_pattern"]), event):
            continue
        index = key.removeprefix("this")
        if f"function{index}" in plan.all("aws_cloudwatch_event_target"):
            found.add(GENERAL_DRAIN)
            continue
        assert plan.all("aws_cloudwatch_event_target")[f"queue{index}"]["rule"] == rule["name"]
        arn = f"arn:aws:events:{PLACE}:rule/{rule['name']}"
        found |= {function for function in (SPOT_DRAIN, SPOT_METRICS) if arn in queues[function]}
    return found


def sources_of_queues(plan: Plan) -> dict[str, set[str]]:
    """The rules that may send to each queue, by the name of the queue without the prefix."""
    found = {}
    for key, after in plan.all("aws_sqs_queue_policy").items():
        (allowed,) = (each for each in json.loads(after["policy"])["Statement"] if each["Effect"] == "Allow")
        sources = allowed["Condition"]["ArnEquals"]["aws:SourceArn"]
        found[json.loads(key.partition("[")[2][:-1])] = (
            {sources} if isinstance(sources, str) else set(sources)
        )
    return found


@pytest.mark.parametrize(
    ("event", "functions"),
    [
        (recorded.lifecycle(), {GENERAL_DRAIN, SPOT_METRICS}),
        (recorded.warning(), {SPOT_DRAIN, SPOT_METRICS}),
        (recorded.rebalance(), {SPOT_DRAIN, SPOT_METRICS}),
        (recorded.state_change("terminated"), {SPOT_METRICS}),
        (recorded.run_instances(), {SPOT_METRICS}),
        (recorded.group_activity("Launch Unsuccessful"), {SPOT_METRICS}),
        (recorded.health(), {SPOT_METRICS}),
        (recorded.state_change("pending"), set()),
        (recorded.lifecycle(group="another-group"), set()),
        (recorded.group_activity("Terminate Successful", group="another-group"), set()),
        (recorded.warning(source="aws.ecs"), set()),
    ],
)
def test_a_recorded_event_reaches_the_functions_that_handle_it(
    plan: Plan, event: dict[str, Any], functions: set[str]
) -> None:
    assert receivers(plan, event) == functions


def test_events_go_to_a_function_or_its_queue_as_the_package_says(plan: Plan) -> None:
    by_target = Counter(
        (Target.FUNCTION if key.startswith("function") else Target.QUEUE)
        for key in plan.all("aws_cloudwatch_event_target")
    )
    assert by_target == Counter(rule.target for rule in rules("eddyline"))
    permission = plan.one("aws_lambda_permission")
    assert (permission["principal"], permission["action"]) == (
        "events.amazonaws.com",
        "lambda:InvokeFunction",
    )


def test_only_the_rules_of_this_fleet_send_to_its_queues(plan: Plan) -> None:
    queues = {key: json.loads(after["policy"]) for key, after in plan.all("aws_sqs_queue_policy").items()}
    assert len(queues) == 3
    rule_names = {rule["name"] for rule in plan.all("aws_cloudwatch_event_rule").values()}
    allowed: set[str] = set()
    for policy in queues.values():
        for statement in policy["Statement"]:
            if statement["Effect"] == "Deny":
                assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
                continue
            assert statement["Principal"] == {"Service": "events.amazonaws.com"}
            sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
            allowed |= {sources} if isinstance(sources, str) else set(sources)
    assert allowed == {f"arn:aws:events:{PLACE}:rule/{name}" for name in rule_names}


# Permissions


def _arn(resource: Resource) -> str:
    text = resource.value.replace("PREFIX", "eddyline")
    if resource is Resource.ALL:
        return "*"
    if text.startswith("autoScalingGroup"):
        return f"arn:aws:autoscaling:{PLACE}:{text}"
    service = "ecs" if "/" in text else "sqs"
    return f"arn:aws:{service}:{PLACE}:{text}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_policy_of_a_function_is_its_table(plan: Plan, function: str) -> None:
    policy = plan.policies()[f'this["{function}"]']
    planned = {
        (action, resource)
        for _, actions, resources in statements(policy)
        for action in actions
        for resource in resources
    }
    expected = {(each.action, _arn(each.resource)) for each in PERMISSIONS[function]}
    log = f"arn:aws:logs:{PLACE}:log-group:/aws/lambda/eddyline-{function}:*"
    expected |= {("logs:CreateLogStream", log), ("logs:PutLogEvents", log)}
    if function == GENERAL_DRAIN:  # of the on-failure destination
        expected.add(("sqs:SendMessage", f"arn:aws:sqs:{PLACE}:eddyline-events-dead"))
    assert planned == expected
    assert not [action for action, _ in planned if "*" in action]
    every = {action for action, resource in planned if resource == "*"}
    assert every == {each.action for each in PERMISSIONS[function] if each.resource is Resource.ALL}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_role_has_the_name_that_may_send_fleet_events(plan: Plan, function: str) -> None:
    name = names.function_name("eddyline", function)
    assert plan.all("aws_iam_role")[f'this["{function}"]']["name"] == name
    assert function_of(plan, function)["function_name"] == name


# Settings


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_functions_accept_their_environment(plan: Plan, function: str) -> None:
    (environment,) = function_of(plan, function)["environment"]
    settings = load_settings(environment["variables"], needs_drain_queue=function == GENERAL_DRAIN)
    assert settings.prefix == "eddyline"
    assert settings.fleet_queue_url.endswith("/eddyline-fleet")
    pools = yaml.safe_load(Path(BUILT_IN).read_text("utf-8"))["pools"]
    assert set(settings.pools) == set(pools)
    for name, pool in pools.items():
        capacity = pool["capacity"]
        assert settings.pools[name].hook_s == capacity["hook_s"]
        assert settings.pools[name].rebalance == capacity["rebalance"]
        assert settings.pools[name].max_replacements_per_hour == capacity["max_replacements_per_hour"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_handler_exists(plan: Plan, function: str) -> None:
    import importlib

    module, _, name = function_of(plan, function)["handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_a_message_is_invisible_for_as_long_as_its_function_may_run(plan: Plan) -> None:
    for function in FUNCTIONS:
        timeout_s = function_of(plan, function)["timeout"]
        assert timeout_s >= BUDGET_S + 2, "the function must report what failed"
        if function == GENERAL_DRAIN:
            continue  # the queue is one of module queues
        queue = plan.all("aws_sqs_queue")[f'events["{function}"]']
        assert queue["name"] == f"eddyline-{function}"
        assert queue["visibility_timeout_seconds"] >= timeout_s
    spot = plan.all("aws_sqs_queue")['events["spot-drain"]']
    assert spot["visibility_timeout_seconds"] <= 40, "a second attempt within the two minutes"


def test_batches_are_as_large_as_the_test_of_a_mass_interruption_assumes(plan: Plan) -> None:
    mappings = plan.all("aws_lambda_event_source_mapping")
    for function in (SPOT_DRAIN, SPOT_METRICS):
        mapping = mappings[f'this["{function}"]']
        assert (mapping["batch_size"], mapping["maximum_batching_window_in_seconds"]) == (100, 1)
    for mapping in mappings.values():
        assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
