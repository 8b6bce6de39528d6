"""The page about the faults of comparable systems names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "explanation" / "peers-bugs.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| fault |")]
REFERENCE = re.compile(r"`([a-z_/.0-9]+)::([A-Za-z_0-9]+)`")


def test_the_page_has_the_faults_of_the_survey() -> None:
    assert len(ROWS) >= 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:50])
def test_every_fault_has_a_test_that_exists(row: str) -> None:
    tests = REFERENCE.findall(row.rsplit("|", 2)[1])
    assert tests
    for path, name in tests:
        text = (ROOT / path).read_text("utf-8")
        wanted = rf'^run "{name}" ' if path.endswith(".hcl") else rf"^def {name}\("
        assert re.search(wanted, text, re.MULTILINE), f"{path} has no test {name}"
