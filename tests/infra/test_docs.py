"""The tables of the READMEs of the Terraform modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import docs

TEXT = """terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "sizes" {
  description = "Sizes, small|large."
  # A comment is not part of the type.
  type = object({
    small = number
    large = optional(number, 5)
  })
  validation {
    condition     = var.sizes.small > 0
    error_message = "small must be positive"
  }
}

variable "name" {
  description = "The \\"name\\"."
  type        = string
  default     = "one"
}

output "arn" {
  description = "Its ARN."
  value       = aws_sqs_queue.this.arn
}

resource "aws_sqs_queue" "this" {
  name = var.name
}

module "inner" {
  source = "./inner"
}
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "main.tf").write_text(TEXT)
    return tmp_path


def test_tables_list_requirements_inputs_and_outputs(module: Path) -> None:
    table = docs.tables(module)
    assert '| `name` | The "name". | `string` | `"one"` | no |' in table
    assert (
        "| `sizes` | Sizes, small\\|large. | <pre>object({<br/>&nbsp;&nbsp;small&nbsp;=&nbsp;number" in table
    )
    assert table.splitlines()[table.splitlines().index("## Inputs") + 5].endswith("| n/a | yes |")
    assert "| `arn` | Its ARN. |" in table
    assert "| `aws_sqs_queue` |" in table
    assert "| inner | `./inner` |" in table
    assert "| aws | `>= 5.80` |" in table
    assert "error_message" not in table


@pytest.mark.parametrize("missing", ['  description = "Its ARN."\n', "  type        = string\n"])
def test_an_input_or_output_needs_a_description_and_a_type(module: Path, missing: str) -> None:
    (module / "main.tf").write_text(TEXT.replace(missing, ""))
    with pytest.raises(docs.DescriptionError, match=r"arn|name"):
        docs.tables(module)


def test_only_the_generated_part_of_a_readme_is_replaced(module: Path) -> None:
    readme = module / "README.md"
    readme.write_text(f"# Title\n{docs.BEGIN}\nold\n{docs.END}\nfooter\n")
    assert not docs.is_current(module)
    readme.write_text(docs.updated(readme.read_text(), docs.tables(module)))
    assert docs.is_current(module)
    assert readme.read_text().startswith("# Title\n")
    assert readme.read_text().endswith("footer\n")
    with pytest.raises(docs.DescriptionError):
        docs.updated("# Title\n", "x")
