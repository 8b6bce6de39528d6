"""Generated parts of the documentation are up to date, and every setting is documented."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from eddyline import config

DOCS = Path(__file__).resolve().parents[3] / "docs"


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load_generator()


@pytest.mark.parametrize(("page", "part"), [(page, part) for page, part, _ in generate.PARTS])
def test_every_generated_part_is_up_to_date(page: str, part: str) -> None:
    content = {(each, name): make for each, name, make in generate.PARTS}[page, part]()
    text = (DOCS / page).read_text("utf-8")
    assert generate.replace_part(text, part, content) == text, "run `make docs`"
    assert len(content) > 500


def test_every_setting_is_documented() -> None:
    text = (DOCS / "reference" / "settings.md").read_text("utf-8")
    for name in config.VARIABLES:
        assert f"`{name}`" in text
