from __future__ import annotations

from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.sim.report.axis import elapsed_axis, linear_axis
from eddyline.sim.report.plot import Curve, Plot, draw, series_look, spread, swatch


def drawn(*curves: Curve, **fields: Any) -> ET.Element:
    values = {"name": "c", "title": "Cost", "description": "In words.", **fields}
    plot = Plot(
        x=elapsed_axis(3600.0), y=linear_axis("US dollars", 10.0), curves=curves, height=100, **values
    )
    return ET.fromstring(draw(plot))  # noqa: S314 - our own text


def curve(kind: Any, y: list[float], base: list[float] | None = None) -> Curve:
    return Curve(
        name="<a>",
        look="s1",
        kind=kind,
        x=np.linspace(0, 1, len(y)),
        y=np.array(y),
        base=None if base is None else np.array(base),
    )


def path_of(*curves: Curve) -> str:
    found = drawn(*curves).find("svg/path")
    assert found is not None
    return found.attrib["d"]


@pytest.mark.parametrize(
    ("kind", "y", "base", "path"),
    [
        ("line", [0.0, 0.5, 1.0], None, "M0 100L500 50L1000 0"),
        ("line", [0.5], None, "M0 50"),
        ("line", [0.5, 0.5, 0.5, 1.0], None, "M0 50L666.7 50L1000 0"),
        ("step", [1.0, 0.5], None, "M0 0H1000V50"),
        ("area", [0.0, 1.0], None, "M0 100L0 100L1000 0V100Z"),
        ("area", [1.0, 1.0], [0.5, 0.0], "M0 0L1000 0L1000 100L0 50Z"),
        ("bars", [0.2, 0.4, 0.4], None, "M0 100V80H500V60H1000V60V100Z"),
    ],
)
def test_curves_are_paths(kind: str, y: list[float], base: list[float] | None, path: str) -> None:
    assert path_of(curve(kind, y, base)) == path


def test_a_curve_without_points_is_left_out() -> None:
    assert drawn(curve("line", [])).find("svg/path") is None


def test_a_chart_has_a_title_and_a_description() -> None:
    found = drawn(curve("line", [0.0, 1.0]), name="x")
    assert found.attrib["role"] == "img"
    assert (found.findtext("title"), found.findtext("desc")) == ("Cost", "In words.")
    assert found.find("title").attrib["id"] == found.attrib["aria-labelledby"]  # type: ignore[union-attr]


def test_axes_are_labelled_with_units() -> None:
    texts = [each.text for each in drawn(curve("line", [0.0, 1.0])).iter("text")]
    assert {"US dollars", "0", "10", "0 min", "60 min", "time since the start"} <= set(texts)


def test_names_at_the_ends_of_curves_are_escaped_and_shortened() -> None:
    long = Curve(name="n" * 30, look="s2", kind="line", x=np.array([0.0, 1.0]), y=np.array([0.1, 0.1]))
    texts = [each.text for each in drawn(curve("line", [0.0, 1.0]), long, labels=True).iter("text")]
    assert texts[-2:] == ["<a>", "n" * 26 + "…"]


def test_marks_are_labelled_to_the_inside_at_both_ends() -> None:
    found = drawn(verticals=[(0.05, "a"), (0.5, "b"), (0.99, "c")])
    sides = {each.text: each.attrib["class"] for each in found.iter("text") if each.text in {"a", "b", "c"}}
    assert sides == {"a": "tick right", "b": "tick", "c": "tick left"}


@given(st.lists(st.floats(0, 200), max_size=10))
def test_labels_do_not_overlap_and_stay_above_the_axis(places: list[float]) -> None:
    found = spread(sorted(places), 15.0, 200.0)
    assert all(after - before >= 15.0 - 1e-6 for before, after in pairwise(found))
    assert not found or found[-1] <= 200.0


def test_looks_repeat_after_the_last() -> None:
    assert series_look(12) == series_look(0) == "s1"
    assert 'class="hatch booting"' in swatch("booting", "hatch")
