"""A chart of a report: a heading, one or several plots with a legend, and its data for a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eddyline.core.markup import Html, element, join_lines
from eddyline.sim.report.plot import Kind, Plot, draw, swatch


@dataclass(frozen=True, kw_only=True)
class Key:
    """An entry of the legend: a look, and what it stands for."""

    look: str
    kind: Kind
    text: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Plots below each other, with a heading where a chart has several panels side by side."""

    heading: str
    plots: tuple[Plot, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`name`: of its files and elements. `columns`, `rows`: its data."""

    name: str
    title: str
    text: str
    keys: tuple[Key, ...]
    panels: tuple[Panel, ...]
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]


def figure(chart: Chart) -> Html:
    """The chart as a figure of the page."""
    heading = f"{chart.name}-heading"
    panels = [_panel(each) for each in chart.panels]
    return element(
        "figure",
        element(
            "figcaption", element("h2", chart.title, id=heading), element("p", chart.text, class_="quiet")
        ),
        element("ul", *(_key(each) for each in chart.keys), class_="legend", aria_label="Legend"),
        element("div", join_lines(panels), class_="panels" if len(panels) > 1 else None)
        if panels
        else element("p", "No run has data for this chart.", class_="quiet"),
        id=chart.name,
        aria_labelledby=heading,
    )


def _key(key: Key) -> Html:
    return element("li", swatch(key.look, key.kind), element("span", key.text))


def _panel(panel: Panel) -> Html:
    heading: Iterable[Html] = [element("h3", panel.heading)] if panel.heading else []
    return element("div", *heading, *(draw(each) for each in panel.plots), class_="panel")
