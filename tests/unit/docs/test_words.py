"""Everything that a person reads is plain technical English: some words never occur."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WORDS = re.compile(
    r"\b(told|heard|whoever|whatever|anew|thereof|lest|amid|nobody|somebody|for ever|of its own|put aside"
    r"|in vain|thousand million)\b|\b(is|are) no ",
    re.IGNORECASE,
)
IN_CODE = re.compile(r"`[^`\n]*`")
TEXT = {".py", ".md", ".yaml", ".html", ".js", ".css", ".json", ".mako"}


def pages() -> list[Path]:
    """Every text file of the package, the documentation, the examples, the tests and the benchmarks."""
    folders = ("src", "docs", "examples", "tests", "benchmarks")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path != Path(__file__)]
    top = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile")]
    return sorted(path for path in (*found, *top) if path.suffix in TEXT or path.name == "Makefile")


@pytest.mark.parametrize("text", ["Nobody is told", "it is no file", "FOR EVER", "there are no parts"])
def test_the_check_finds_words(text: str) -> None:
    assert WORDS.search(text)


def test_no_page_has_one_of_the_words() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in pages()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if WORDS.search(IN_CODE.sub("", line))
    ]
    assert len(pages()) > 500
    assert not wrong, "\n".join(wrong[:50])
