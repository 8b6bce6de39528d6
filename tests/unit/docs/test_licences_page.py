"""The page about licences lists every package that an installation downloads, with its licence."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_PAGE = (ROOT / "docs" / "explanation" / "licences.md").read_text("utf-8")
ROWS = _PAGE.partition("## Python packages of the base install")[2].splitlines()


def _dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    requirements = [
        *project["dependencies"],
        *(requirement for name in extras if name != "dev" for requirement in extras[name]),
    ]
    names = [re.split(r"[\[>=<~ ]", requirement)[0] for requirement in requirements]
    return sorted({name for name in names if name != project["name"]})


@pytest.mark.parametrize("package", _dependencies())
def test_every_dependency_is_listed_with_its_licence(package: str) -> None:
    row = next((line for line in ROWS if re.match(rf"\| ([\w ,-]+, )?{package}\b", line)), "")
    assert row, f"docs/explanation/licences.md does not list {package}"
    found = metadata.metadata(package)
    declared = " ".join(
        [
            *(found.get_all("License-Expression") or ()),
            *(each[:60] for each in found.get_all("License") or ()),
            *(found.get_all("Classifier") or ()),
        ]
    )
    licences = re.findall(r"MIT|BSD|Apache|LGPL|MPL|GPL", declared)
    assert licences, f"{package} declares no licence"
    assert any(licence in row for licence in licences), f"{package}: {declared}, but the page has {row}"


def test_the_notice_names_the_licences_with_further_conditions() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    for name in ("FFmpeg", "psycopg", "GPL version 3", "LGPL version 3", "docs/explanation/licences.md"):
        assert name in notice
