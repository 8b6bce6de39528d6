"""`make infra`, one case for each of its checks; and the checks find what they are for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.infra.plans import MODULES, PLANNED, read_plans

from infra import check
from infra.terraform_tools import CheckError, MissingProgramError, Terraform

pytestmark = pytest.mark.slow

GOOD = """terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "name" {
  description = "Name of the queue."
  type        = string
}

resource "aws_sqs_queue" "this" {
  #checkov:skip=CKV_AWS_27:a test
  name = var.name
}
"""
TEST = """mock_provider "aws" {}

run "name" {
  command = plan

  variables {
    name = "one"
  }

  assert {
    condition     = aws_sqs_queue.this.name == "NAME"
    error_message = "another name"
  }
}
"""


@pytest.mark.parametrize("each", check.checks(), ids=lambda each: each.name)
def test_the_check_passes(each: check.Check, tmp_path_factory: pytest.TempPathFactory) -> None:
    module = each.name.removeprefix(f"{MODULES}/")
    try:
        if module in PLANNED:  # one run of that file serves the tests that read its plans, too
            assert read_plans(tmp_path_factory, module)
            check.check_directory(each.name, without=[PLANNED[module]])
        else:
            each.run()
    except MissingProgramError as error:
        pytest.skip(str(error))


def repository(root: Path, text: str = GOOD, test: str = TEST.replace("NAME", "one")) -> Path:
    module = root / "infra" / "terraform" / "modules" / "queue"
    (module / "tests").mkdir(parents=True)
    (module / "main.tf").write_text(text)
    (module / "tests" / "name.tftest.hcl").write_text(test)
    return root


@pytest.fixture(scope="module")
def terraform() -> Terraform:
    try:
        return Terraform.find()
    except MissingProgramError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("terraform")
def test_a_correct_module_passes_and_stays_unchanged(tmp_path: Path) -> None:
    root = repository(tmp_path)
    before = sorted(path for path in root.rglob("*"))
    (name,) = check.directories(root)
    check.check_directory(name, root)
    check.check_format(root)
    assert sorted(path for path in root.rglob("*")) == before


@pytest.mark.usefixtures("terraform")
@pytest.mark.parametrize(
    ("text", "test", "message"),
    [
        (GOOD.replace("name = var.name", "nom = var.name"), TEST, "Unsupported argument"),
        (GOOD.replace(">= 5.80", ">= 99"), TEST, "99"),
        (GOOD, TEST, "another name"),
    ],
    ids=["unknown argument", "provider too old", "failed assertion"],
)
def test_a_wrong_module_fails(tmp_path: Path, text: str, test: str, message: str) -> None:
    root = repository(tmp_path, text, test)
    with pytest.raises(CheckError, match=message):
        check.check_directory("infra/terraform/modules/queue", root)


@pytest.mark.usefixtures("terraform")
def test_a_module_in_another_layout_fails(tmp_path: Path) -> None:
    root = repository(tmp_path, GOOD.replace("  name = var", "  name   = var"))
    with pytest.raises(CheckError, match="name"):
        check.check_format(root)


def test_checkov_finds_a_queue_without_encryption(tmp_path: Path) -> None:
    root = repository(tmp_path, GOOD.replace("  #checkov:skip=CKV_AWS_27:a test\n", ""))
    try:
        with pytest.raises(CheckError, match="CKV_AWS_27"):
            check.check_policies(root)
    except MissingProgramError as error:
        pytest.skip(str(error))
    check.check_policies(repository(tmp_path / "skipped"))


def test_a_module_without_a_readme_fails(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="queue"):
        check.check_readmes(repository(tmp_path))
