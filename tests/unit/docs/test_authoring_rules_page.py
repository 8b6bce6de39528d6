"""The documentation states how many authoring rules there are."""

from __future__ import annotations

import re
from pathlib import Path

from eddyline.media.streaming.validation.rule_table import RULES

ROOT = Path(__file__).resolve().parents[3]
_NUMBER = re.compile(r"(\d+) (?:\[)?authoring rules")


def test_every_page_states_the_number_of_rules_that_are_checked() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"]
    stated = {
        f"{page.relative_to(ROOT)}: {number}"
        for page in pages
        for number in _NUMBER.findall(page.read_text("utf-8"))
    }
    assert stated == {f"README.md: {len(RULES)}", f"CHANGELOG.md: {len(RULES)}"}


def test_the_table_has_one_row_for_each_rule() -> None:
    page = (ROOT / "docs/reference/authoring-rules.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| `([A-Z0-9]+-[^`]+)` \| (?:MUST|SHOULD) \|", page)
    assert sorted(rows) == sorted(rule.id for rule in RULES)
