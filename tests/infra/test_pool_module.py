"""The plans of the module `pool` equal pools.yaml, the scaling policies, names and documented permissions."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.infra.plans import MODULES, Plan, read_plans, statements, workspace

from eddyline.fleet import names
from eddyline.fleet.pools import BUILT_IN, Pool, load_pools
from eddyline.fleet.scaling.policies import SUSPENDED_PROCESSES
from eddyline.fleet.scaling.pool_bounds import bounds_of
from eddyline.fleet.scaling.table import scaling_table

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / MODULES / "pool"
POOLS = load_pools().pools
SHIPPED = ("light", "cpu", "memory", "gpu", "cpu-classic", "graviton")
NO_RESOURCE_LEVEL = {"ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint"}
"""Actions of the machines' role that AWS' service authorization reference lists without a resource type."""


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    return read_plans(tmp_path_factory, "pool")


def plan_of(plans: dict[str, Plan], pool: str) -> Plan:
    return plans[pool.replace("-", "_")]


def test_every_shipped_pool_is_planned() -> None:
    assert set(SHIPPED) == set(POOLS)


@pytest.mark.parametrize("pool", SHIPPED)
def test_names_and_tags_are_those_of_the_package(plans: dict[str, Plan], pool: str) -> None:
    plan = plan_of(plans, pool)
    assert plan.one("aws_ecs_cluster")["name"] == names.cluster_name("eddyline", pool)
    assert plan.one("aws_ecs_service")["name"] == names.service_name("eddyline", pool)
    assert plan.one("aws_ecs_task_definition")["family"] == names.cluster_name("eddyline", pool)
    for spot in (True, False):
        key, name = ("spot" if spot else "od"), names.group_name("eddyline", pool, spot=spot)
        group = plan.all("aws_autoscaling_group")[f'this["{key}"]']
        template = plan.all("aws_launch_template")[f'this["{key}"]']
        hook = plan.all("aws_autoscaling_lifecycle_hook")[f'drain["{key}"]']
        assert group["name"] == template["name"] == hook["autoscaling_group_name"] == name
        assert hook["name"] == names.hook_name("eddyline")
        wanted = {names.TAG_PREFIX: "eddyline", names.TAG_POOL: pool, names.TAG_PURCHASE: key}
        tags = {tag["key"]: tag["value"] for tag in group["tag"] if tag["propagate_at_launch"]}
        assert wanted.items() <= tags.items()
        for each in template["tag_specifications"]:
            assert wanted.items() <= each["tags"].items()
        assert {each["resource_type"] for each in template["tag_specifications"]} >= {"instance", "volume"}


@pytest.mark.parametrize("purchase", ["spot", "od"])
@pytest.mark.parametrize("pool", SHIPPED)
def test_types_and_attributes_are_those_of_the_pools_file(
    plans: dict[str, Plan], pool: str, purchase: str
) -> None:
    capacity = yaml.safe_load(BUILT_IN.read_text("utf-8"))["pools"][pool]["capacity"]
    group = plan_of(plans, pool).all("aws_autoscaling_group")[f'this["{purchase}"]']
    (policy,) = group["mixed_instances_policy"]
    (distribution,) = policy["instances_distribution"]
    assert distribution["on_demand_percentage_above_base_capacity"] == (100 if purchase == "od" else 0)
    assert distribution["on_demand_base_capacity"] == 0
    assert distribution["spot_allocation_strategy"] == capacity["spot"]["strategy"]
    overrides = policy["launch_template"][0]["override"]
    if "types" in capacity:
        planned = {each["instance_type"]: each["weighted_capacity"] for each in overrides}
        assert planned == {name: str(vcpu) for name, vcpu in capacity["types"].items()}
        assert not any(each["instance_requirements"] for each in overrides)
        return
    (override,) = overrides
    (found,) = override["instance_requirements"]
    wanted = capacity["requirements"]
    assert override["instance_type"] is None
    assert found["memory_mib"] == [wanted["memory_mib"]]
    assert found["vcpu_count"] == [wanted["vcpu"]]
    assert set(found["cpu_manufacturers"] or ()) == set(wanted.get("cpu_manufacturers", ()))
    assert set(found["excluded_instance_types"] or ()) == set(wanted.get("excluded_types", ()))
    assert not found["allowed_instance_types"]
    assert found["spot_max_price_percentage_over_lowest_price"] == capacity["spot"]["max_price_percent"]
    assert (
        found["on_demand_max_price_percentage_over_lowest_price"]
        == capacity["on_demand"]["max_price_percent"]
    )


# Scaling

OTHER: dict[str, dict[str, Any]] = {
    "predictive": {
        "name": "cpu",
        "kinds": ["chunk"],
        "cost": 1,
        "slot": {"vcpu": 2, "memory_mib": 3584},
        "capacity": {"max_vcpu": 64, "types": {"c7i.4xlarge": 16}, "predictive": True},
    },
    "scaled_by_eddyline": {
        "name": "cpu",
        "kinds": ["chunk"],
        "cost": 1,
        "slot": {"vcpu": 2, "memory_mib": 3584},
        "capacity": {
            "max_vcpu": 64,
            "types": {"c7i.4xlarge": 16, "c7a.4xlarge": 16},
            "on_demand": {"max_vcpu": 32},
            "scaling": "eddyline",
        },
    },
}
"""The pools of the run blocks of these names."""


def expected_scaling(pool: Pool) -> dict[str, Any]:
    found: dict[str, Any] = scaling_table({pool.name: bounds_of(pool.capacity)}, "eddyline")[pool.name]
    return found


@pytest.mark.parametrize("pool", [*SHIPPED, "scaled_by_eddyline"])
def test_groups_have_the_bounds_and_settings_of_the_scaling_table(plans: dict[str, Plan], pool: str) -> None:
    shipped = POOLS.get(pool) or Pool.model_validate(OTHER[pool])
    expected = expected_scaling(shipped)["groups"]
    planned = plan_of(plans, pool).all("aws_autoscaling_group")
    for purchase, wanted in expected.items():
        group = planned[f'this["{purchase}"]']
        for key in ("suspended_processes", "enabled_metrics"):
            assert sorted(group[key]) == sorted(wanted.pop(key))
        assert {key: group[key] for key in wanted} == wanted
    assert "AZRebalance" in SUSPENDED_PROCESSES


@pytest.mark.parametrize("pool", [*SHIPPED, *OTHER])
def test_scaling_policies_equal_the_scaling_table(plans: dict[str, Plan], pool: str) -> None:
    shipped = POOLS.get(pool) or Pool.model_validate(OTHER[pool])
    expected = {each["name"]: each for each in expected_scaling(shipped)["policies"]}
    planned = {each["name"]: each for each in plan_of(plans, pool).all("aws_autoscaling_policy").values()}
    assert set(planned) == set(expected)
    for name, wanted in expected.items():
        assert _policy(planned[name], wanted["policy_type"]) == wanted


def _policy(after: dict[str, Any], kind: str) -> dict[str, Any]:
    """A planned policy in the form of the scaling table."""
    found = {key: after[key] for key in ("name", "autoscaling_group_name", "policy_type")}
    if kind == "PredictiveScaling":
        (configuration,) = after["predictive_scaling_configuration"]
        (metrics,) = configuration["metric_specification"]
        specification: dict[str, Any] = {"target_value": metrics["target_value"]}
        for key in ("load", "scaling", "capacity"):
            name = f"customized_{key}_metric_specification"
            specification[name] = _predictive_query(metrics[name][0]["metric_data_queries"][0])
        configuration = {
            "mode": configuration["mode"],
            "max_capacity_breach_behavior": configuration["max_capacity_breach_behavior"],
            "scheduling_buffer_time": int(configuration["scheduling_buffer_time"]),
            "metric_specification": specification,
        }
        return found | {"predictive_scaling_configuration": configuration}
    found["estimated_instance_warmup"] = after["estimated_instance_warmup"]
    if kind == "StepScaling":
        steps = [
            {
                "metric_interval_lower_bound": float(step["metric_interval_lower_bound"]),
                "metric_interval_upper_bound": _number(step["metric_interval_upper_bound"]),
                "scaling_adjustment": step["scaling_adjustment"],
            }
            for step in after["step_adjustment"]
        ]
        steps.sort(key=lambda step: step["metric_interval_lower_bound"])
        return found | {
            "adjustment_type": after["adjustment_type"],
            "metric_aggregation_type": after["metric_aggregation_type"],
            "step_adjustment": steps,
        }
    (configuration,) = after["target_tracking_configuration"]
    (metric,) = configuration["customized_metric_specification"]
    return found | {
        "target_tracking_configuration": {
            "target_value": configuration["target_value"],
            "disable_scale_in": configuration["disable_scale_in"],
            "customized_metric_specification": {
                **{key: metric[key] for key in ("metric_name", "namespace", "statistic", "unit")},
                "metric_dimension": {each["name"]: each["value"] for each in metric["metric_dimension"]},
            },
        }
    }


def _predictive_query(query: dict[str, Any]) -> dict[str, Any]:
    (stat,) = query["metric_stat"]
    (metric,) = stat["metric"]
    return {
        "id": query["id"],
        "metric": {
            "metric_name": metric["metric_name"],
            "namespace": metric["namespace"],
            "dimensions": {each["name"]: each["value"] for each in metric["dimensions"]},
            "stat": stat["stat"],
        },
    }


def _number(text: str | None) -> float | None:
    return float(text) if text else None


@pytest.mark.parametrize("pool", SHIPPED)
def test_alarms_that_run_policies_equal_the_scaling_table(plans: dict[str, Plan], pool: str) -> None:
    expected = {
        each["alarm_name"]: each
        for each in expected_scaling(POOLS[pool])["alarms"]
        if each.pop("scaling_policy")
    }
    planned = plan_of(plans, pool).all("aws_cloudwatch_metric_alarm").values()
    assert {each["alarm_name"] for each in planned} == set(expected)
    for alarm in planned:
        wanted = expected[alarm["alarm_name"]]
        queries = {each["id"]: each for each in alarm["metric_query"]}
        for query in wanted.pop("metric_query"):
            found = queries.pop(query["id"])
            assert found["return_data"] == query["return_data"]
            if "expression" in query:
                assert found["expression"] == query["expression"]
            else:
                (metric,) = found["metric"]
                assert {key: metric[key] for key in query["metric"]} == query["metric"]
        assert not queries
        assert {key: alarm[key] for key in wanted} == wanted


# Defaults


def test_the_defaults_of_the_variable_are_those_of_the_model() -> None:
    """Terraform evaluates a pool that states nothing; pydantic does the same."""
    minimal = {"kinds": ["chunk"], "cost": 1, "slot": {"vcpu": 2, "memory_mib": 3584}}
    for capacity in (
        {"types": {"c7i.4xlarge": 16}},
        {"requirements": {"memory_mib": {"min": 8192, "max": 8192}, "vcpu": {"min": 2, "max": 4}}},
    ):
        given = {**minimal, "capacity": capacity}
        planned = evaluated(given)
        requirements = planned["capacity"]["requirements"]
        if requirements is not None:
            assert requirements.pop("allowed_types") == []  # known only to be refused
        model = Pool.model_validate({"name": "cpu", **given}).model_dump(mode="json")
        assert planned == {key: value for key, value in model.items() if key != "name"}


_EVALUATED = """
run "evaluated" {
  command = plan
  variables {
    pool = jsondecode(POOL)
  }
}
"""


def evaluated(pool: dict[str, Any]) -> dict[str, Any]:
    """The variable `pool` as Terraform sees it, with its defaults."""
    with workspace("pool") as (copy, name):
        program = copy.root / name
        (program / "evaluated.tf").write_text('output "evaluated" {\n  value = jsonencode(var.pool)\n}\n')
        (program / "tests" / "evaluated.tftest.hcl").write_text(
            (program / "tests" / "apply.tftest.hcl").read_text("utf-8").partition("\nrun ")[0]
            + _EVALUATED.replace("POOL", json.dumps(json.dumps(pool)))
        )
        output = copy.run(name, "test", "-json", "-verbose", "-filter=tests/evaluated.tftest.hcl")
    plans = [json.loads(line) for line in output.splitlines() if '"test_plan"' in line]
    found: dict[str, Any] = json.loads(plans[0]["test_plan"]["output_changes"]["evaluated"]["after"])
    return found


# Permissions


@pytest.mark.parametrize("pool", SHIPPED)
def test_no_policy_has_a_wildcard_action_and_few_have_all_resources(
    plans: dict[str, Plan], pool: str
) -> None:
    policies = plan_of(plans, pool).policies()
    assert set(policies) == {"instance", "task"}
    for policy in policies.values():
        for effect, actions, resources in statements(policy):
            assert effect == "Allow"
            assert not [action for action in actions if "*" in action]
            assert "*" not in resources or set(actions) <= NO_RESOURCE_LEVEL
            assert resources


def test_a_worker_may_do_what_the_guides_say_and_no_more(plans: dict[str, Plan]) -> None:
    policy = plan_of(plans, "cpu").policies()["task"]
    by_resource: dict[str, set[str]] = {}
    for _, actions, resources in statements(policy):
        for resource in resources:
            by_resource.setdefault(resource, set()).update(actions)
    page = (ROOT / "docs" / "how-to" / "fleet.md").read_text("utf-8")
    commands = _actions(page, r"worker, on `<prefix>-to-\*`")
    others = _actions(page, "worker, on the others")
    sqs = "arn:aws:sqs:eu-west-1:123456789012:eddyline-"
    assert by_resource.pop(f"{sqs}to-*") == commands
    # The pool serves `light`; it may hand jobs of both back, and only send reports and dead letters.
    jobs = {f"{sqs}{pool}-p{priority}" for pool in ("cpu", "light") for priority in (0, 10, 100, 110)}
    assert {name: by_resource.pop(name) for name in jobs} == dict.fromkeys(jobs, others)
    sends = {"sqs:GetQueueUrl", "sqs:SendMessage"}
    assert by_resource.pop(f"{sqs}answers") == by_resource.pop(f"{sqs}dead") == sends
    stores = (ROOT / "docs" / "how-to" / "stores.md").read_text("utf-8")
    store = by_resource.pop("arn:aws:s3:::media/films/*") | by_resource.pop("arn:aws:s3:::media")
    assert store == set(re.findall(r"s3:[A-Z]\w+", stores.partition("Required permissions")[2][:400]))
    assert by_resource.pop("arn:aws:s3:::uploads/*") == {"s3:GetObject"}
    assert by_resource.pop("arn:aws:s3:::uploads") == {"s3:ListBucket"}
    assert by_resource == {
        "arn:aws:ecs:eu-west-1:123456789012:task/eddyline-cpu/*": {
            "ecs:GetTaskProtection",
            "ecs:UpdateTaskProtection",
        }
    }


def _actions(page: str, role: str) -> set[str]:
    (row,) = re.findall(rf"^\| {role} \| (.*) \|$", page, re.MULTILINE)
    return {f"sqs:{action}" for action in row.split(", ")}


def test_a_pool_reaches_no_queue_of_other_pools(plans: dict[str, Plan]) -> None:
    policy = json.dumps(plan_of(plans, "memory").policies()["task"])
    assert "eddyline-memory-p0" in policy
    for other in ("light", "gpu", "graviton"):
        assert f"eddyline-{other}-p0" not in policy


# Machines


@pytest.mark.parametrize("purchase", ["spot", "od"])
@pytest.mark.parametrize("pool", ["cpu", "gpu"])
def test_the_user_data_is_a_valid_script_with_the_settings_of_the_agent(
    plans: dict[str, Plan], pool: str, purchase: str
) -> None:
    template = plan_of(plans, pool).all("aws_launch_template")[f'this["{purchase}"]']
    script = base64.b64decode(template["user_data"]).decode()
    assert len(script) < 16_384, "EC2's limit of user data"
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    text = script.partition("<<'EOF'\n")[2].partition("EOF\n")[0]
    settings = dict(line.split("=", 1) for line in text.splitlines())
    assert settings["ECS_CLUSTER"] == f"eddyline-{pool}"
    assert settings["ECS_ENABLE_SPOT_INSTANCE_DRAINING"] == "true"
    assert settings["ECS_CONTAINER_STOP_TIMEOUT"] == "900s"
    assert settings["ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST"] == "true"
    assert settings["ECS_WARM_POOLS_CHECK"] == "false"
    assert settings.get("ECS_ENABLE_GPU_SUPPORT") == ("true" if pool == "gpu" else None)
    attributes = json.loads(settings["ECS_INSTANCE_ATTRIBUTES"])
    assert attributes == {"eddyline.pool": pool, "eddyline.purchase": purchase}


def test_a_machine_without_a_scratch_volume_shuts_down(plans: dict[str, Plan], tmp_path: Path) -> None:
    """The script runs with programs that only record their arguments, and no volume."""
    template = plan_of(plans, "cpu").all("aws_launch_template")['this["spot"]']
    script = base64.b64decode(template["user_data"]).decode()
    script = (
        script.replace("/etc/ecs/", f"{tmp_path}/").replace("/dev/", f"{tmp_path}/dev-").replace("120", "1")
    )
    for program in ("shutdown", "mkfs.xfs", "mount", "sleep"):
        path = tmp_path / "bin" / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{program} $*" >> {tmp_path}/calls\n')
        path.chmod(0o755)
    done = subprocess.run(
        ["bash"], input=script, text=True, env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}, check=False
    )
    assert done.returncode != 0
    assert (tmp_path / "calls").read_text().splitlines()[-1] == "shutdown -h now"
    assert "mkfs" not in (tmp_path / "calls").read_text()
    assert "could not be prepared" in (tmp_path / "dev-console").read_text()


# Changes and destruction


def test_the_order_of_destruction() -> None:
    """What depends on a resource is destroyed before it: `terraform graph` has the dependencies."""
    with workspace("pool") as (copy, name):
        graph = copy.run(name, "graph")
    edges: dict[str, set[str]] = {}
    for source, target in re.findall(r'"([^"]+)" -> "([^"]+)"', graph):
        edges.setdefault(source, set()).add(target)

    def follows(first: str, later: str) -> bool:
        seen: set[str] = set()
        left = [first]
        while left:
            found = left.pop()
            left += edges.get(found, set()) - seen
            seen |= edges.get(found, set())
        return later in seen

    group, hook = "aws_autoscaling_group.this", "aws_autoscaling_lifecycle_hook.drain"
    for first, later in (
        ("aws_ecs_service.this", hook),  # workers drain while the hook still protects them
        (hook, group),  # deleting a hook completes what waits for it: the group can end
        ("aws_cloudwatch_metric_alarm.scaling", "aws_autoscaling_policy.from_zero"),
        ("aws_autoscaling_policy.from_zero", group),  # nothing starts machines of a group that ends
        ("aws_autoscaling_policy.backlog", group),
        (group, "aws_launch_template.this"),
        (group, "aws_ecs_cluster.this"),  # a cluster with machines cannot be deleted
        (group, "aws_iam_role_policy.instance"),  # machines keep their permissions to the end
        ("aws_ecs_service.this", "aws_iam_role_policy.task"),
    ):
        assert follows(first, later), f"{first} must be destroyed before {later}"
        assert not follows(later, first)


def test_the_capacity_that_policies_set_is_not_changed_back() -> None:
    text = (MODULE / "groups.tf").read_text("utf-8")
    group = text.partition('resource "aws_autoscaling_group"')[2].partition("\nresource ")[0]
    assert re.search(r"lifecycle \{\n(?:.*\n)?\s+ignore_changes = \[desired_capacity\]", group)
    assert not re.search(r"^\s+desired_capacity\s+=", group, re.MULTILINE)


def test_the_module_has_no_warm_pool_and_no_capacity_provider() -> None:
    text = "".join(path.read_text("utf-8") for path in MODULE.glob("*.tf"))
    assert 'resource "aws_ecs_capacity_provider"' not in text
    assert "warm_pool {" not in text
