"""Every metric and label of the dashboard and the alert rules exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.docs.test_metrics_page import all_metrics

ROOT = Path(__file__).resolve().parents[2] / "infra" / "grafana"
DASHBOARD = json.loads((ROOT / "dashboard.json").read_text("utf-8"))
ALERTS = yaml.safe_load((ROOT / "alerts.yaml").read_text("utf-8"))
NAME = re.compile(r"\beddyline_[a-z_]+\b")
SELECTOR = re.compile(r"(\beddyline_[a-z_]+)(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\bby \(([^)]*)\)")


def exported() -> dict[str, set[str]]:
    """The series of all processes with their labels."""
    found: dict[str, set[str]] = {}
    for metrics in all_metrics():
        for family in metrics.registry.collect():
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
            labels = labels_of(metrics, family.name)
            for suffix in suffixes.get(family.type, ("",)):
                more = {"le"} if suffix == "_bucket" else set()
                found.setdefault(family.name + suffix, set()).update(labels | more)
    return found


def labels_of(metrics: Any, family: str) -> set[str]:
    """The labels that a family was registered with, also before it has series."""
    for collector in metrics.registry._collector_to_names:
        if getattr(collector, "_name", None) == family:
            return set(collector._labelnames)
    samples = [each for found in metrics.registry.collect() if found.name == family for each in found.samples]
    found = {label for sample in samples for label in sample.labels}
    return found or {"what", "by", "loop", "queue", "kind", "class", "state"}


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for group in ALERTS["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def test_there_are_expressions() -> None:
    assert len(list(expressions())) > 30


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_every_metric_and_label_of_an_expression_exists(expression: str) -> None:
    known = exported()
    names = set(NAME.findall(expression))
    assert names
    assert names <= set(known), f"no process exports {names - set(known)}"
    grouped = {label for match in GROUPING.findall(expression) for label in re.split(r",\s*", match)}
    for name, matchers in SELECTOR.findall(expression):
        selected = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert selected <= known[name], f"{name} has no label {selected - known[name]}"
        assert grouped <= known[name], f"{name} has no label {grouped - known[name]}"
    assert expression.count("(") == expression.count(")")


def test_counters_are_read_by_rate_or_increase() -> None:
    for expression in expressions():
        for name in re.findall(r"\beddyline_[a-z_]+_(?:total|bucket)\b", expression):
            assert re.search(rf"(rate|increase)\({name}[^)]*\[\d+[mh]\]\)", expression), expression


def test_the_check_finds_an_unknown_metric_and_label() -> None:
    with pytest.raises(AssertionError, match="no process exports"):
        test_every_metric_and_label_of_an_expression_exists("max(eddyline_unknown)")
    with pytest.raises(AssertionError, match="no label"):
        test_every_metric_and_label_of_an_expression_exists("max by (asset) (eddyline_assets)")


def test_panels_have_distinct_ids_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for position in (panel["gridPos"] for panel in panels)
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert all(x < 24 for x, _ in cells)


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule["annotations"]) == {"summary", "remedy"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
