from __future__ import annotations

import importlib.util
from pathlib import Path

from eddyline import config

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_the_state_diagram_is_the_transition_table() -> None:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    text = (DOCS / "architecture.md").read_text("utf-8")
    assert generate.architecture(text) == text, "run `make docs`"
    assert "stateDiagram" in text


def test_every_setting_is_documented() -> None:
    text = (DOCS / "reference" / "settings.md").read_text("utf-8")
    for name in config.VARIABLES:
        assert f"`{name}`" in text
