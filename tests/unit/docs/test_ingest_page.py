"""What the page about ingestion shows is what the program does."""

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


def test_its_rules_are_rules(tmp_path: Path) -> None:
    (block,) = _blocks("yaml")
    path = tmp_path / "rules.yaml"
    path.write_text(block)
    review = Arrival(key="users/ann/a.mp4", size=1, at=100.0, metadata={"purpose": "review 2"})
    taken = load_rules(path).decide(review)
    assert isinstance(taken, Accept)
    assert (taken.profile_name, taken.options.owner, taken.options.deadline) == ("fast", "ann", 1000.0)


def test_its_policy_is_the_one_that_is_written() -> None:
    (block,) = _blocks("json policy")
    written = queue_policy("arn:aws:sqs:eu-west-1:123456789012:footage-events", ["river-footage"])
    assert json.loads(block) == json.loads(written)


def test_its_pattern_fits_an_event_of_s3() -> None:
    (block,) = _blocks("json")
    assert _fits(json.loads(block), json.loads(RECORDED.read_text()))


def _fits(pattern: Any, event: Any) -> bool:
    """EventBridge's own matching, as far as the page uses it."""
    if isinstance(pattern, dict):
        return all(_fits(inner, event[name]) for name, inner in pattern.items())
    return any(
        event.startswith(each["prefix"]) if isinstance(each, dict) else each == event for each in pattern
    )


def test_the_commands_it_shows_have_the_options_it_shows() -> None:
    shown = {
        name: set(re.findall(r"--[a-z][a-z-]*", line))
        for name in ("watch", "ingest")
        for line in [" ".join(re.findall(rf"^eddyline {name} .*$", PAGE, re.MULTILINE))]
    }
    assert {"--events", "--allow", "--rules"} <= shown["ingest"]
    for name, options in shown.items():
        text = CliRunner().invoke(build([name, "--help"]), [name, "--help"], env={"COLUMNS": "200"}).output
        assert all(option in text for option in (*options, "--json", "--profile")), text
