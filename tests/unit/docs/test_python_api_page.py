"""The page about the Python API is correct: each of its examples is run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from eddyline import pipeline
from eddyline.pipeline.demo_clip import make_clip

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "python-api.md"


@pytest.mark.timeout(300)
def test_every_example_prints_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "GX010001.MP4", seconds=2, width=320, height=180)
    flags = doctest.ELLIPSIS | doctest.REPORT_NDIFF
    text = re.sub(r"^```.*$", "", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) > 15
    output: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=flags).run(examples, out=output.append)
    assert not failed, "".join(output)


def test_every_public_function_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    for name in pipeline.__all__:
        assert f"## `{name}(" in text
        assert callable(getattr(pipeline, name))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = pipeline.no_such_name
