"""A violated MUST fails an asset, unless the source or the profile is the reason."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from tests.unit.media.streaming.validation import cases_dash, cases_hls
from tests.unit.media.streaming.validation.planted import Case

from eddyline.core.errors import ProofError
from eddyline.media.streaming.validation.own_streams import (
    SOURCE_DEPENDENT,
    authoring_summary,
    require_valid,
)
from eddyline.media.streaming.validation.report import Report, check_rules
from eddyline.media.streaming.validation.rule import Level
from eddyline.media.streaming.validation.rule_table import RULES

CASES = {case.rule: case for case in (*cases_hls.CASES, *cases_dash.CASES)}


def report(case: Case) -> Report:
    return Report(findings=check_rules(case.stream()), rules=len(RULES), files=1, segments=0)


def test_a_violated_must_fails_with_the_rule_and_the_place() -> None:
    with pytest.raises(ProofError, match=r"APPLE-8\.10") as caught:
        require_valid(report(CASES["APPLE-8.10"]))
    assert "item 8.10" in caught.value.message
    assert "master.m3u8, line 5" in caught.value.message


def test_what_depends_on_the_source_is_listed_with_its_reason() -> None:
    levels = {rule.id: rule.level for rule in RULES}
    assert all(levels[name] is Level.MUST for name in SOURCE_DEPENDENT)
    found = report(CASES["APPLE-9.9"])
    require_valid(found)
    (violated,) = authoring_summary(found)["violated"]
    assert violated["reason"] == SOURCE_DEPENDENT["APPLE-9.9"]


def test_recommendations_are_listed_as_the_schema_of_the_manifest_says() -> None:
    found = report(CASES["APPLE-7.5"])
    require_valid(found)
    summary = authoring_summary(found)
    assert summary["rules"] == len(RULES)
    (violated,) = summary["violated"]
    assert (violated["rule"], violated["level"], violated["count"]) == ("APPLE-7.5", "SHOULD", 8)
    assert "7 s; required: 6 s" in violated["example"]
    text = files("eddyline.pipeline.publication").joinpath("manifest.schema.json").read_text("utf-8")
    schema = json.loads(text)
    part = schema["properties"]["proof"]["properties"]["authoring"]
    jsonschema.validate(summary, {**part, "$defs": schema["$defs"]})
