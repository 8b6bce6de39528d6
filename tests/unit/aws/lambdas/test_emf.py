"""Lines in the embedded metric format: valid by its schema, and only with known dimensions."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from eddyline.aws.lambdas.emf import metric_line
from eddyline.aws.lambdas.metric_names import DIMENSION_SETS, Metric

NOW = 1_772_366_400.0
# After the schema in "Specification: Embedded metric format", CloudWatch User Guide.
NAME = {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": r"^(.*)$"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": {**NAME, "maxLength": 256},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "minItems": 1,
                                    "maxItems": 30,
                                    "items": {**NAME, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "Name": NAME,
                                        "Unit": {"enum": ["Count", "Seconds", "Percent", "None"]},
                                        "StorageResolution": {"enum": [1, 60]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}


def _check(text: str) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(text)
    jsonschema.validate(line, SCHEMA)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    for each in directive["Dimensions"]:
        assert all(isinstance(line[name], str) and 0 < len(line[name]) <= 1024 for name in each)
    assert all(isinstance(line[metric["Name"]], int) for metric in directive["Metrics"])
    assert len(text.encode()) < 256 * 1024
    assert "\n" not in text
    return line


FULL = {
    "Prefix": "eddyline",
    "Pool": "cpu",
    "InstanceType": "c7a.8xlarge",
    "AvailabilityZone": "eu-central-1b",
    "Lifecycle": "spot",
}


def test_an_event_is_one_line_with_all_sets_of_dimensions() -> None:
    line = _check(metric_line(Metric.LAUNCHES, NOW - 5.0, NOW, FULL))
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [list(each) for each in DIMENSION_SETS]
    assert line["_aws"]["Timestamp"] == (NOW - 5.0) * 1000
    assert line["Launches"] == 1
    assert line["InstanceType"] == "c7a.8xlarge"


def test_sets_with_an_unknown_dimension_are_left_out() -> None:
    line = _check(
        metric_line(Metric.LAUNCH_FAILURES, NOW, NOW, {**FULL, "InstanceType": "", "Lifecycle": " "})
    )
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Prefix", "Pool"], ["Prefix", "Pool", "AvailabilityZone"]]
    assert "InstanceType" not in line


def test_a_time_that_cloudwatch_rejects_is_replaced_by_the_present() -> None:
    for at in (0.0, NOW - 15 * 86_400, NOW + 3 * 3600):
        assert _check(metric_line(Metric.SCALE_INS, at, NOW, FULL))["_aws"]["Timestamp"] == NOW * 1000


@given(
    metric=st.sampled_from(Metric),
    at=st.floats(0, 4e9),
    values=st.lists(st.text(max_size=1500), min_size=3, max_size=3),
)
def test_any_values_are_a_valid_line(metric: Metric, at: float, values: list[str]) -> None:
    names = ("InstanceType", "AvailabilityZone", "Lifecycle")
    _check(metric_line(metric, at, NOW, {**FULL, **dict(zip(names, values, strict=True))}))
