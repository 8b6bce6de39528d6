"""What the documentation names is there: files, commands with their options, settings, modules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from eddyline import config
from eddyline.cli.main import COMMANDS, build

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]
CALL = re.compile(r"(?<![\w./-])(?:\.venv/bin/)?eddyline ([a-z][a-z-]*)((?:(?!eddyline ).)*)")
IN_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def options_of(command: Any) -> set[str]:
    """All that may follow a command's name, whichever of its own commands comes between."""
    own = {name for parameter in command.params for name in parameter.opts}
    return own.union(*(options_of(each) for each in getattr(command, "commands", {}).values()))


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """(command, options) of every call of eddyline in a page's code, up to the end of its line."""
    for code in IN_CODE.findall(text):
        for line in code.replace("\\\n", " ").replace("\\|", "|").splitlines():
            if " import " not in line:
                for call in CALL.finditer(line):
                    yield call[1], re.findall(r"(?<![\w-])--[a-z][a-z-]*", call[2].split(" #")[0])


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    whole: Any = typer.main.get_command(build([]))
    return {name: options_of(command) for name, command in whole.commands.items()}


@pytest.mark.parametrize("page", NAMED)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", NAMED)
def test_every_command_is_one_and_has_the_options_it_is_given(page: Path, known: dict[str, set[str]]) -> None:
    for command, options in calls(page.read_text("utf-8")):
        assert command in COMMANDS, f"eddyline {command}"
        assert set(options) <= known[command], f"eddyline {command} {' '.join(options)}"


def test_the_readme_names_every_command(known: dict[str, set[str]]) -> None:
    told = {command for command, _ in calls((ROOT / "README.md").read_text("utf-8"))}
    assert set(known) - told == {"demo-clip"}, "hidden: `make run` calls it"


@pytest.mark.parametrize("page", NAMED)
def test_every_setting_is_one(page: Path) -> None:
    settings = set(re.findall(r"EDDYLINE_[A-Z_]+", page.read_text("utf-8")))
    assert settings <= {*config.VARIABLES, "EDDYLINE_SAMPLES"}


def test_every_module_in_the_picture_of_the_house_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = re.findall(r"(?m)^([a-z0-9]+)/ +((?:[a-z0-9]+/? )+)", text)
    assert len(rooms) >= 9
    for room, modules in rooms:
        for name in modules.split():
            place = ROOT / "src" / "eddyline" / room / name.rstrip("/")
            assert room == "app" or place.is_dir() or place.with_suffix(".py").is_file(), f"{room}/{name}"


@pytest.mark.parametrize("page", NAMED)
def test_every_file_named_by_its_path_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    for path in re.findall(
        r"`((?:src|docs|tests|benchmarks|examples|[a-z]+)/[\w/-]+\.(?:py|md|yaml))`", text
    ):
        places = (ROOT / path, ROOT / "src" / "eddyline" / path, page.parent / path)
        assert any(place.is_file() for place in places), path
