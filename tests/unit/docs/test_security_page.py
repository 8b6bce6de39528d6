"""Every statement of the page about security names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
STATEMENTS = [
    line
    for part in re.findall(r"\| statement \| tests \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
    for line in part.splitlines()
]


def test_the_page_has_statements() -> None:
    assert len(STATEMENTS) >= 15


@pytest.mark.parametrize("line", STATEMENTS)
def test_every_statement_names_its_tests(line: str) -> None:
    assert re.search(r"`tests/[\w/]+\.py::\w+`", line)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_named_test_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text("utf-8")
