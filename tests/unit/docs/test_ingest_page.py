"""The examples on the page about ingestion agree with the program."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from eddyline.aws.s3_events.event_queue import queue_policy
from eddyline.cli.main import build
from eddyline.ingest.conditions import Arrival
from eddyline.ingest.rules import Accept, load_rules

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "how-to" / "ingest.md").read_text("utf-8")
RECORDED = ROOT / "tests" / "unit" / "aws" / "s3_events" / "recorded" / "eventbridge-object-created.json"


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_rules_on_the_page_are_valid(tmp_path: Path) -> None:
    (block,) = _blocks("yaml")
    path = tmp_path / "rules.yaml"
    path.write_text(block)
    arrival = Arrival(key="users/ann/a.mp4", size=1, at=100.0, metadata={"purpose": "review 2"})
    decision = load_rules(path).decide(arrival)
    assert isinstance(decision, Accept)
    assert (decision.profile_name, decision.options.owner, decision.options.deadline) == (
        "fast",
        "ann",
        1000.0,
    )


def test_the_policy_on_the_page_is_the_generated_one() -> None:
    (block,) = _blocks("json policy")
    policy = queue_policy("arn:aws:sqs:eu-west-1:123456789012:footage-events", ["river-footage"])
    assert json.loads(block) == json.loads(policy)


def test_the_pattern_on_the_page_matches_an_event_of_s3() -> None:
    (block,) = _blocks("json")
    assert _matches(json.loads(block), json.loads(RECORDED.read_text()))


def _matches(pattern: Any, event: Any) -> bool:
    """Implements EventBridge's pattern matching as far as the page uses it."""
    if isinstance(pattern, dict):
        return all(_matches(inner, event[name]) for name, inner in pattern.items())
    return any(
        event.startswith(each["prefix"]) if isinstance(each, dict) else each == event for each in pattern
    )


def test_the_commands_on_the_page_have_the_options_on_the_page() -> None:
    options_of = {
        name: set(re.findall(r"--[a-z][a-z-]*", line))
        for name in ("watch", "ingest")
        for line in [" ".join(re.findall(rf"^eddyline {name} .*$", PAGE, re.MULTILINE))]
    }
    assert {"--events", "--allow", "--rules"} <= options_of["ingest"]
    for name, options in options_of.items():
        text = CliRunner().invoke(build([name, "--help"]), [name, "--help"], env={"COLUMNS": "200"}).output
        assert all(option in text for option in (*options, "--json", "--profile")), text
