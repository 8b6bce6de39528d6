"""Generates the diagrams of the pages about the fleet on AWS, from code and Terraform files."""

from __future__ import annotations

import re
from pathlib import Path

from eddyline.aws.lambdas.permissions import PERMISSIONS, Resource
from eddyline.aws.lambdas.rules import Target, rules

_PREFIX = "PREFIX"
_SERVICES = {"ecs": "ecs[ECS]", "autoscaling": "autoscaling[Auto Scaling]"}
_COMPLETE = Path(__file__).parents[1] / "infra/terraform/examples/complete"
_MODULE = re.compile(r'^module "(?P<name>\w+)" \{\n(?P<body>.*?)^\}$', re.MULTILINE | re.DOTALL)


def event_diagram() -> str:
    """Which events reach which Lambda function, and what the functions change: from rules and permissions."""
    labels: dict[tuple[str, str], list[str]] = {}
    for rule in rules(_PREFIX):
        source = f'{_identifier(rule.source)}["{rule.source}"]'
        is_queue = rule.target is Target.QUEUE
        target = _queue(f"{_PREFIX}-{rule.function}") if is_queue else _function(rule.function)
        labels.setdefault((source, target), []).extend(rule.detail_types)
    for function, permissions in PERMISSIONS.items():
        for permission in permissions:
            service, action = permission.action.split(":")
            if permission.by_lambda:
                labels.setdefault((_queue(permission.resource), _function(function)), [])
            elif not action.startswith(("List", "Describe")):
                target = _queue(permission.resource) if service == "sqs" else _SERVICES[service]
                labels.setdefault((_function(function), target), []).append(action)
    edges = [
        f'  {source} -- "{"<br/>".join(names)}" --> {target}' if names else f"  {source} --> {target}"
        for (source, target), names in labels.items()
    ]
    end = f"  {_queue(Resource.FLEET_QUEUE)} --> coordinators --> record[(fleet record)]"
    return "\n".join(["```mermaid", "flowchart LR", *edges, end, "```", ""])


def module_diagram() -> str:
    """The modules of `examples/complete` and which outputs of others each one uses: from its files."""
    text = "".join(path.read_text("utf-8") for path in sorted(_COMPLETE.glob("*.tf")))
    lines = ["```mermaid", "flowchart TD"]
    for module in _MODULE.finditer(text):
        many = "for each pool" if "for_each" in module["body"] else ""
        lines.append(f'  {module["name"]}["{module["name"]}{f"<br/>{many}" if many else ""}"]')
    for module in _MODULE.finditer(text):
        used = sorted(set(re.findall(r"\bmodule\.(\w+)", module["body"])) - {module["name"]})
        lines += [f"  {name} --> {module['name']}" for name in used]
    return "\n".join([*lines, "```"]) + "\n"


def _function(name: str) -> str:
    return f"{_identifier(name)}[[{_PREFIX}-{name}]]"


def _queue(name: str) -> str:
    return f"queue_{_identifier(name)}[({name})]"


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name).lower()
