"""Everything that a person reads is plain technical English: some words never occur."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WORDS = re.compile(
    r"\b(told|heard|whoever|whatever|anew|thereof|lest|amid|nobody|somebody|for ever|of its own|put aside"
    r"|in vain|thousand million)\b|\b(is|are) no ",
    re.IGNORECASE,
)
NAME = re.compile(r"\b\w*_\w*\b")
ACCEPTED_NAMES = {
    "_NOBODY_UID",  # the user of Unix
    "heard_s",  # a JSON key of `combine --json`, which scripts read
}
IN_CODE = re.compile(r"`[^`\n]*`")
TEXT = {".py", ".md", ".yaml", ".html", ".js", ".css", ".json", ".mako", ".tf", ".hcl"}


def pages() -> list[Path]:
    """Every text file of the package, the documentation, the examples, the tests and the benchmarks."""
    folders = ("src", "docs", "examples", "tests", "benchmarks", "infra")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path != Path(__file__)]
    found = [path for path in found if "vendor" not in path.parts]  # npm packages, not in Git
    top = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile")]
    return sorted(path for path in (*found, *top) if path.suffix in TEXT or path.name == "Makefile")


@pytest.mark.parametrize("text", ["Nobody is told", "it is no file", "FOR EVER", "there are no parts"])
def test_the_check_finds_words(text: str) -> None:
    assert WORDS.search(text)


@pytest.mark.parametrize("name", ["_told", "test_nobody_waits", "there_is_no_file", "WAIT_FOR_EVER"])
def test_the_check_finds_words_in_names(name: str) -> None:
    assert has_excluded_name(f"x = {name}(1)")


@pytest.mark.parametrize("name", ["this_node", "is_nothing", "celeste_1", "heard_s", "is_normal"])
def test_the_check_accepts_other_names(name: str) -> None:
    assert not has_excluded_name(f"x = {name}(1)")


def has_excluded_name(line: str) -> bool:
    """Whether a name in a line of code has an excluded word."""
    names = set(NAME.findall(line)) - ACCEPTED_NAMES
    return any(WORDS.search(name.replace("_", " ")) for name in names)


def test_no_page_has_one_of_the_words() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in pages()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if WORDS.search(IN_CODE.sub("", line)) or has_excluded_name(line)
    ]
    assert len(pages()) > 500
    assert not wrong, "\n".join(wrong[:50])


def test_every_docstring_says_something() -> None:
    modules = [path for folder in ("src", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    empty = [
        f"{path.relative_to(ROOT)}: {text!r}"
        for path in modules
        for text in _docstrings(path)
        if len(re.findall(r"\w+", text)) < 2
    ]
    assert empty == []


def _docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield text
