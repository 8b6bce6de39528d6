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

from infra.terraform_tools import MissingProgramError, Terraform, Workspace

MODULES = "infra/terraform/modules"


@dataclass(frozen=True)
class Plan:
    """The resources that one run block plans, and the data that it reads."""

    changes: tuple[Mapping[str, Any], ...]

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


def read_plans(directory: Path, module: str, *, test: str = "tests/plan.tftest.hcl") -> dict[str, Plan]:
    """The plans of a module's test file, by run block; processes of a test run share `directory`."""
    # Without xdist the directory outlives the run: a later run must not read the plans of this one.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
    stored = directory / f"plans-{module}-{run}.json"
    with (directory / f"plans-{module}-{run}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stored.exists():
            stored.write_text(json.dumps(_plan(module, test)))
    return {name: Plan(tuple(changes)) for name, changes in json.loads(stored.read_text()).items()}


def _plan(module: str, test: str) -> dict[str, Any]:
    with workspace(module) as (copy, name):
        plans = copy.plans(name, test)
    return {run: plan.get("resource_changes", []) for run, plan in plans.items()}


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
        yield copy, name


def statements(policy: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """The effect, the actions and the resources of each statement of an IAM policy."""
    for statement in policy["Statement"]:
        yield statement["Effect"], _words(statement, "Action"), _words(statement, "Resource")


def _words(statement: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = statement.get(key, [])
    return (found,) if isinstance(found, str) else tuple(found)
