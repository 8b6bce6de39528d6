"""The examples on the pages about the MP4 and GPMF libraries, and in their docstrings, are correct."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from eddyline import gpmf, mp4
from eddyline.gpmf import export

DOCS = Path(__file__).resolve().parents[3] / "docs"
FLAGS = doctest.ELLIPSIS | doctest.REPORT_NDIFF


def run(text: str, name: str, names: dict[str, object]) -> int:
    """Run the examples in a text; returns their number."""
    examples = doctest.DocTestParser().get_doctest(text, names, name, name, 0)
    output: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(examples, out=output.append)
    assert not failed, "".join(output)
    return len(examples.examples)


@pytest.mark.parametrize(
    ("page", "least"),
    [("explanation/gpmf.md", 7), ("reference/gpmf-library.md", 25), ("reference/mp4-library.md", 20)],
)
def test_every_example_on_a_page_is_correct(
    page: str, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^```.*$", "", (DOCS / page).read_text("utf-8"), flags=re.MULTILINE)
    assert run(text, page, {}) >= least


def test_the_example_in_the_docstring_of_mp4_is_correct(tmp_path: Path) -> None:
    (tmp_path / "samples").write_bytes(b"onetwo")
    piece = mp4.Piece(source=tmp_path / "samples", offset=np.array([0, 3]), size=np.array([3, 3]))
    entry = mp4.make_box("text", bytes(6), b"\0\1", bytes(43))
    track = mp4.OutputTrack(
        handler="text",
        name="",
        timescale=1000,
        stsd=mp4.make_full_box("stsd", 0, 0, b"\0\0\0\1", entry),
        media_header=mp4.make_full_box("nmhd", 0, 0),
        pieces=(piece,),
        duration=np.array([500, 500]),
    )
    mp4.write_mp4(tmp_path / "titles.mp4", [track], timescale=1000)
    assert run(mp4.__doc__ or "", "mp4", {"path": tmp_path / "titles.mp4"}) == 3


@pytest.mark.parametrize("library", [mp4, gpmf, export])
def test_every_public_name_can_be_imported(library: object) -> None:
    names: list[str] = library.__all__  # type: ignore[attr-defined]  # a module
    assert names
    for name in names:
        assert getattr(library, name) is not None
        assert name in dir(library)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = mp4.nonsense


@pytest.mark.parametrize("library", [mp4, gpmf, export])
def test_no_public_name_is_that_of_a_submodule(library: object) -> None:
    directory = Path(str(library.__file__)).parent  # type: ignore[attr-defined]  # a module
    modules = {
        path.stem for path in directory.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    names: list[str] = library.__all__  # type: ignore[attr-defined]  # a module
    assert not modules & set(names)


def test_every_format_is_on_the_page() -> None:
    text = (DOCS / "reference" / "gpmf-library.md").read_text("utf-8")
    for name in export.FORMATS:
        assert f"`{name}`" in text
