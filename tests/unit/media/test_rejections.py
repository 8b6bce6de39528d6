"""Every rejection reason is in the table, on its documentation page, and in the output of Eddyline."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterator
from pathlib import Path

from eddyline.cli.json_output import JsonOutput
from eddyline.core.errors import EddylineError, FormatError, TruncatedError, UsageError
from eddyline.media.rejections import REASONS, markdown_table
from eddyline.mp4.errors import LimitError, NotMp4Error
from eddyline.pipeline.runs.run_report import source_failure

_ROOT = Path(__file__).resolve().parents[3]
_PACKAGES = ("core", "mp4", "media", "pipeline")


def _used_reasons() -> Iterator[tuple[str, str]]:
    """Yield (reason, module) of every constant passed as `reason=` or assigned to `default_reason`."""
    for package in _PACKAGES:
        for path in sorted((_ROOT / "src" / "eddyline" / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and _name(node.func).endswith("Error"):
                    values = [each.value for each in node.keywords if each.arg == "reason"]
                elif isinstance(node, ast.Assign) and _name(node.targets[0]) == "default_reason":
                    values = [node.value]
                else:
                    continue
                for value in (inner for each in values for inner in ast.walk(each)):
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        yield value.value, path.name


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_the_table_has_exactly_the_reasons_in_use() -> None:
    used = set(_used_reasons())
    assert [(reason, where) for reason, where in sorted(used) if reason not in REASONS] == []
    assert set(REASONS) - {reason for reason, _ in used} == set()


def test_the_documentation_page_is_up_to_date() -> None:
    text = (_ROOT / "docs" / "reference" / "rejections.md").read_text("utf-8")
    assert markdown_table() in text, "run `make docs`"
    assert "| `encrypted` |" in text


def test_evidence_has_the_reason_only_if_the_error_has_one() -> None:
    assert EddylineError("x", reason="encrypted").evidence()["reason"] == "encrypted"
    assert FormatError("x", path="moov", offset=8, reason="edit-list").evidence()["reason"] == "edit-list"
    assert TruncatedError("x").evidence()["reason"] == "truncated"
    assert LimitError("x").evidence()["reason"] == "limits"
    assert NotMp4Error("x").evidence()["reason"] == "not-video"
    assert "reason" not in UsageError("x").evidence()


def test_the_json_output_of_a_run_has_the_reason() -> None:
    stream = io.StringIO()
    JsonOutput(stream).show(
        source_failure("/card/a.mp4", EddylineError("it is encrypted", reason="encrypted"))
    )
    line = json.loads(stream.getvalue())
    assert (line["reason"], line["refusal"]) == ("it is encrypted", "encrypted")
