"""Draws a chart as SVG. It fills the width of the page, while texts keep their size.

Places are shares of the width and the height. The curves are in an inner SVG that is stretched; labels are
outside of it, at percentages of the width. Colours and sizes are in `page.css`; this module has no styles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eddyline.core.markup import Html, element, join_lines
from eddyline.sim.report.axis import Axis, Floats

LOOKS = 12
"""How many looks (colour and dash) there are: more series cannot be distinguished."""

_WIDE = 1000  # of the inner SVG, in its own units
_BELOW, _BELOW_UNTITLED = 44, 24  # for the labels of the horizontal axis, in pixels
_ABOVE = 24
_LINE_HEIGHT = 15
_NEAR_END = 0.85  # labels beyond are written to the inside
_END_LABEL = 27  # characters that fit on the right
Kind = Literal["line", "step", "area", "hatch", "bars"]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One series. `x`, `y`: places from 0 to 1, `x` ascending. `look`: a name of a colour in the style.

    An area and bars reach down to the axis; a hatched area reaches down to `base`, which has as many points.
    """

    name: str
    look: str
    kind: Kind
    x: Floats
    y: Floats
    base: Floats | None = None


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A chart. `name` is unique on the page. `verticals`: places of marks on the horizontal axis, labelled.

    `labels`: names of curves are written at their ends. `times`: whether the horizontal axis is labelled.
    `description`: the chart in words, for those who
    do not see it.
    """

    name: str
    title: str
    description: str
    x: Axis
    y: Axis
    curves: Sequence[Curve]
    height: int = 280
    verticals: Sequence[tuple[float, str]] = ()
    labels: bool = False
    times: bool = True


def series_look(number: int) -> str:
    """The look of the series of this number."""
    return f"s{number % LOOKS + 1}"


def draw(plot: Plot) -> Html:
    """The chart as an SVG element."""
    title, about = f"{plot.name}-title", f"{plot.name}-about"
    high = _ABOVE + plot.height + ((_BELOW if plot.x.title else _BELOW_UNTITLED) if plot.times else 5)
    return element(
        "svg",
        element("title", plot.title, id=title),
        element("desc", plot.description, id=about),
        _axis_title(plot),
        *_grid(plot),
        element(
            "svg",
            join_lines([_curve(each, plot.height) for each in plot.curves]),
            y=str(_ABOVE),
            width="100%",
            height=str(plot.height),
            viewBox=f"0 0 {_WIDE} {plot.height}",
            preserveAspectRatio="none",
        ),
        *_verticals(plot),
        *(_end_labels(plot) if plot.labels else ()),
        class_="plot labelled" if plot.labels else "plot",
        role="img",
        aria_labelledby=title,
        aria_describedby=about,
        height=str(high),
    )


def swatch(look: str, kind: Kind) -> Html:
    """A piece of a curve, for a legend."""
    if kind in {"line", "step"}:
        inner = element("path", d="M0 6H26", class_=f"line {look}")
    else:
        inner = element("rect", width="26", height="12", class_=f"{_fill_class(kind)} {look}")
    return element("svg", inner, class_="swatch", width="26", height="12", aria_hidden="true")


def _axis_title(plot: Plot) -> Html:
    return element("text", plot.y.title, x="0", y="12", dx="-8")


def _grid(plot: Plot) -> list[Html]:
    base = _ABOVE + plot.height
    found = []
    for place, label in plot.y.ticks:
        y = f"{base - place * plot.height:.1f}"
        found.append(element("line", x1="0", x2="100%", y1=y, y2=y, class_="grid"))
        found.append(element("text", label, x="-8", y=y, dy="4", class_="tick left"))
    for place, label in plot.x.ticks:
        x = f"{place * 100:.2f}%"
        found.append(element("line", x1=x, x2=x, y1=str(base), y2=str(base + 5), class_="axis"))
        if plot.times:
            found.append(element("text", label, x=x, y=str(base + 19), class_="tick"))
    if plot.times and plot.x.title:
        found.append(element("text", plot.x.title, x="50%", y=str(base + 38), class_="middle"))
    return found


def _verticals(plot: Plot) -> list[Html]:
    found = []
    for place, label in plot.verticals:
        x = f"{place * 100:.2f}%"
        end = str(_ABOVE + plot.height)
        found.append(element("line", x1=x, x2=x, y1=str(_ABOVE), y2=end, class_="mark"))
        side = "left" if place > _NEAR_END else "right" if place < 1 - _NEAR_END else ""
        found.append(element("text", label, x=x, y=str(_ABOVE - 6), class_=f"tick {side}".strip()))
    return found


def _curve(curve: Curve, height: int) -> Html:
    top = np.round((1 - curve.y) * height, 1)
    across = np.round(curve.x * _WIDE, 1)
    if not len(across):
        return Html("")
    if curve.kind in {"line", "step"}:
        path = _path(across, top, is_step=curve.kind == "step")
        return element("path", d="M" + path, class_=f"line {curve.look}")
    if curve.kind == "bars":
        steps = _path(across, top, is_step=True).partition(" ")[2]
        path = f"{across[0]:g} {height}V{steps}V{height}"
    elif curve.base is None:
        path = f"{across[0]:g} {height}L{_path(across, top)}V{height}"
    else:
        under = np.round((1 - curve.base) * height, 1)
        path = f"{_path(across, top)}L{_path(across[::-1], under[::-1])}"
    return element("path", d=f"M{path}Z", class_=f"{_fill_class(curve.kind)} {curve.look}")


def _fill_class(kind: Kind) -> str:
    return "hatch" if kind == "hatch" else "area"


def _path(x: Floats, y: Floats, *, is_step: bool = False) -> str:
    """The points; those in the middle of a horizontal line are left out."""
    inner = (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:])
    kept = np.concatenate(([True], inner, [True])) if len(y) > 2 else np.ones(len(y), dtype=np.bool_)  # noqa: PLR2004
    points = zip(x[kept].tolist(), y[kept].tolist(), strict=True)
    first = next(points)
    if is_step:
        return f"{first[0]:g} {first[1]:g}" + "".join(f"H{at:g}V{up:g}" for at, up in points)
    return f"{first[0]:g} {first[1]:g}" + "".join(f"L{at:g} {up:g}" for at, up in points)


def _end_labels(plot: Plot) -> list[Html]:
    """The names at the right, each near the end of its curve, moved apart where they would overlap."""
    drawn = [each for each in plot.curves if len(each.y)]
    order = sorted(drawn, key=lambda each: -float(each.y[-1]))
    at = [(1 - float(each.y[-1])) * plot.height for each in order]
    for number, here in enumerate(spread(at, _LINE_HEIGHT, plot.height)):
        at[number] = here
    return [
        element(
            "g",
            element(
                "svg",
                element("path", d="M0 0H16", class_=f"line {each.look}"),
                x="100%",
                y=f"{_ABOVE + y:.1f}",
                overflow="visible",
                class_="end-line",
            ),
            element(
                "text", _short(each.name), x="100%", dx="22", y=f"{_ABOVE + y:.1f}", dy="4", class_="end"
            ),
        )
        for each, y in zip(order, at, strict=True)
    ]


def _short(name: str) -> str:
    return name if len(name) <= _END_LABEL else name[: _END_LABEL - 1] + "…"


def spread(places: Sequence[float], apart: float, end: float) -> list[float]:
    """The ascending places, at least `apart` from each other, and within 0 to `end` where there is room."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + apart) if found else place)
    limit = end
    for number in range(len(found) - 1, -1, -1):
        found[number] = min(found[number], limit)
        limit = found[number] - apart
    return found
