"""The plans of run blocks of Terraform tests, read by several tests and processes, and computed once."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.servers.parent_watch import end_with_parent

from infra.terraform_tools import MissingProgramError, Terraform, Workspace

MODULES = "infra/terraform/modules"
PLANNED = {
    "drain": "tests/plan.tftest.hcl",
    "pool": "tests/plan.tftest.hcl",
    "queues": "tests/queues.tftest.hcl",
    "service": "tests/service.tftest.hcl",
    "watch": "tests/plan.tftest.hcl",
}
"""The test file of each module whose plans are read."""


@dataclass(frozen=True)
class Plan:
    """The resources that one run block plans, the data that it reads, and its outputs by name."""

    changes: tuple[Mapping[str, Any], ...]
    outputs: Mapping[str, Any]

    def all(self, kind: str) -> dict[str, Any]:
        """The planned values of all resources or data sources of a type, by the rest of the address."""
        return {
            each["address"].removeprefix("data.").removeprefix(f"{kind}."): each["change"]["after"]
            for each in self.changes
            if each["type"] == kind
        }

    def one(self, kind: str) -> Any:
        """The planned values of the only resource of a type."""
        (found,) = self.all(kind).values()
        return found

    def policies(self) -> dict[str, Any]:
        """The IAM policies of the roles, by the address of the resource, as far as they are known."""
        return {
            name: json.loads(after["policy"])
            for name, after in self.all("aws_iam_role_policy").items()
            if after.get("policy")
        }


def read_plans(factory: pytest.TempPathFactory, module: str) -> dict[str, Plan]:
    """The plans of a module's test file, by run block; processes of a test run compute them once.

    Raises `CheckError` if one of the assertions in that file fails.
    """
    directory = factory.getbasetemp().parent
    # Without xdist the directory outlives the run: a later run must not read the plans of this one.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
    stored = directory / f"plans-{module}-{run}.json"
    with (directory / f"plans-{module}-{run}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stored.exists():
            stored.write_text(json.dumps(_plan(module)))
    return {
        name: Plan(tuple(plan["changes"]), plan["outputs"])
        for name, plan in json.loads(stored.read_text()).items()
    }


def _plan(module: str) -> dict[str, Any]:
    with workspace(module) as (copy, name):
        plans = copy.plans(name, PLANNED[module])
    return {
        run: {"changes": plan.get("resource_changes", []), "outputs": plan.get("output_changes", {})}
        for run, plan in plans.items()
    }


@contextmanager
def workspace(module: str) -> Iterator[tuple[Workspace, str]]:
    """A copy of the modules in which one was initialized; skips the test where Terraform is missing."""
    try:
        terraform = Terraform.find()
    except MissingProgramError as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory(prefix="eddyline-infra-") as directory:
        copy = terraform.copy_of_modules(Path(directory))
        name = f"{MODULES}/{module}"
        copy.initialize(name)
        with copy.with_provider(name, end_with_parent) as attached:
            yield attached, name


def statements(policy: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """The effect, the actions and the resources of each statement of an IAM policy."""
    for statement in policy["Statement"]:
        yield statement["Effect"], _words(statement, "Action"), _words(statement, "Resource")


def _words(statement: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = statement.get(key, [])
    return (found,) if isinstance(found, str) else tuple(found)
