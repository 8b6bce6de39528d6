"""Every rule finds its violation, and nothing else is reported."""

from __future__ import annotations

import pytest
from tests.unit.media.streaming.validation import (
    cases_dash,
    cases_hls,
    cases_measured,
    cases_protection,
)
from tests.unit.media.streaming.validation.good_stream import good_files, load, measured
from tests.unit.media.streaming.validation.planted import Case

from eddyline.media.streaming.validation.report import MAX_FINDINGS, check_rules
from eddyline.media.streaming.validation.rule import Level
from eddyline.media.streaming.validation.rule_table import RULES, markdown_table

CASES = (*cases_hls.CASES, *cases_dash.CASES, *cases_measured.CASES, *cases_protection.CASES)


def test_a_good_stream_violates_no_rule() -> None:
    assert check_rules(measured(load(good_files()))) == ()


@pytest.mark.parametrize("case", [*CASES, *cases_protection.MORE], ids=lambda case: case.rule)
def test_a_planted_violation_is_found_and_nothing_else(case: Case) -> None:
    findings = check_rules(case.stream())
    assert {each.rule.id for each in findings} == {case.rule, *case.also}
    for each in findings:
        assert each.file
        assert each.place
        assert each.actual
        assert each.required


@pytest.mark.parametrize("case", cases_protection.VALID)
def test_a_correctly_encrypted_stream_violates_no_rule(case: Case) -> None:
    assert check_rules(case.stream()) == ()


def test_every_rule_has_a_planted_violation() -> None:
    assert sorted(case.rule for case in CASES) == sorted(rule.id for rule in RULES)


def test_rules_are_complete_sentences_with_sources() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.requirement[0].isupper() or rule.requirement.startswith("@")
        assert rule.requirement.endswith(".")
        assert rule.remedy
        assert "{" not in rule.source
        assert f"| `{rule.id}` | {rule.level} |" in markdown_table()


def test_must_rules_are_reported_first() -> None:
    case = next(each for each in CASES if each.rule == "APPLE-8.2")
    levels = [each.rule.level for each in check_rules(case.stream())]
    assert levels == sorted(levels, key=lambda level: level is not Level.MUST)


def test_findings_of_a_hostile_stream_are_bounded_and_printable() -> None:
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n" + '#EXTINF:9,\n\x1b[2J".m4s\n' * 5000 + "#EXT-X-ENDLIST\n"
    findings = check_rules(load({"x.m3u8": text}, ("x.m3u8",)))
    counts = [sum(each.rule is rule for each in findings) for rule in RULES]
    assert max(counts) == MAX_FINDINGS
    assert all("\x1b" not in each.place + each.actual for each in findings)
