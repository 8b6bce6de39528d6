"""The page about GPMF is true: each of its examples is run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from eddyline.gpmf import export

PAGE = Path(__file__).resolve().parents[3] / "docs" / "explanation" / "gpmf.md"


def test_every_example_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.REPORT_NDIFF
    text = re.sub(r"^```.*$", "", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) > 20
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=flags).run(examples, out=said.append)
    assert not failed, "".join(said)


def test_every_format_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    for name in export.FORMATS:
        assert f"`{name}`" in text
