"""Files, commands with their options, settings and packages named in the documentation exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from eddyline import config
from eddyline.cli.command_table import COMMANDS
from eddyline.cli.main import build

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
PAGE_PARAMETERS = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]
CALL = re.compile(r"(?<![\w./-])(?:\.venv/bin/)?eddyline ([a-z][a-z-]*)((?:(?!eddyline ).)*)")
IN_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def options_of(command: Any) -> set[str]:
    """Returns all options of a command and of its subcommands."""
    options = {name for parameter in command.params for name in parameter.opts}
    return options.union(
        *(options_of(subcommand) for subcommand in getattr(command, "commands", {}).values())
    )


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yields (command, options) of every eddyline command line in a page's code."""
    for code in IN_CODE.findall(text):
        for line in code.replace("\\\n", " ").replace("\\|", "|").splitlines():
            if not re.search(r"\bfrom \S+ import\b", line):  # Python
                for call in CALL.finditer(line):
                    yield call[1], re.findall(r"(?<![\w-])--[a-z][a-z-]*", call[2].split(" #")[0])


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    root: Any = typer.main.get_command(build([]))
    return {name: options_of(command) for name, command in root.commands.items()}


@pytest.mark.parametrize("page", PAGE_PARAMETERS)
def test_every_link_has_a_target(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGE_PARAMETERS)
def test_every_command_and_its_options_exist(page: Path, known: dict[str, set[str]]) -> None:
    for command, options in calls(page.read_text("utf-8")):
        assert command in COMMANDS, f"eddyline {command}"
        assert set(options) <= known[command], f"eddyline {command} {' '.join(options)}"


def test_the_readme_names_every_command(known: dict[str, set[str]]) -> None:
    named = {command for command, _ in calls((ROOT / "README.md").read_text("utf-8"))}
    assert set(known) - named == {"demo-clip", "local-worker"}, "hidden: other commands call them"


@pytest.mark.parametrize("page", PAGE_PARAMETERS)
def test_every_setting_exists(page: Path) -> None:
    settings = set(re.findall(r"EDDYLINE_[A-Z_]+", page.read_text("utf-8")))
    assert settings <= {*config.VARIABLES, *config.TEST_VARIABLES}


def test_the_architecture_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = text[text.index("## Packages") : text.index("### Where")]
    listed = re.findall(r"(?m)^\| `(\w+)/` \| (.*) \|$", section)
    source = ROOT / "src" / "eddyline"
    assert {name for name, _ in listed} == {path.parent.name for path in source.glob("*/__init__.py")}
    for package, content in listed:
        for name in re.findall(r"`(\w+)/`", content):
            assert (source / package / name).is_dir(), f"{package}/{name}"


@pytest.mark.parametrize("page", PAGE_PARAMETERS)
def test_every_file_named_by_its_path_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    for path in re.findall(
        r"`((?:src|docs|tests|benchmarks|examples|[a-z]+)/[\w/-]+\.(?:py|md|yaml))`", text
    ):
        candidates = (ROOT / path, ROOT / "src" / "eddyline" / path, page.parent / path)
        assert any(candidate.is_file() for candidate in candidates), path


@pytest.mark.parametrize(("name", "folder"), [("_SLOW_MODULES", "tests/unit"), ("_FIRST", "tests")])
def test_the_modules_that_the_order_of_the_tests_names_exist(name: str, folder: str) -> None:
    source = (ROOT / "tests" / "conftest.py").read_text("utf-8")
    (listed,) = re.findall(rf"(?ms)^{name} = [({{]\n(.*?)^[)}}]$", source)
    modules = re.findall(r'"([\w/]+\.py)"', listed)
    assert len(modules) > 5
    assert [each for each in modules if not (ROOT / folder / each).is_file()] == []
