"""MPDs are parsed within bounds: durations, timelines, templates."""

from __future__ import annotations

from fractions import Fraction

import pytest

from eddyline.media.streaming.mpd_tree import (
    NAMESPACE,
    expand_timeline,
    fill_template,
    parse_duration,
    parse_tree,
)


def timeline(rows: str, until: int | None = None) -> list[tuple[int, int]]:
    namespace = NAMESPACE.strip("{}")
    return expand_timeline(
        parse_tree(f'<SegmentTimeline xmlns="{namespace}">{rows}</SegmentTimeline>'), until
    )


def test_durations_have_days_hours_minutes_and_seconds() -> None:
    assert parse_duration("P1DT1H2M3.5S") == 86_400 + 3600 + 120 + Fraction(7, 2)
    for invalid in ("", "P", "PT", "1S", "PT-1S", "P1Y", "PT1e9S"):
        with pytest.raises(ValueError, match="not a"):
            parse_duration(invalid)


def test_a_timeline_repeats_up_to_the_next_start_or_the_end() -> None:
    assert timeline('<S t="5" d="4" r="1"/><S d="2"/>') == [(5, 9), (9, 13), (13, 15)]
    assert timeline('<S t="0" d="4" r="-1"/><S t="8" d="1"/>') == [(0, 4), (4, 8), (8, 9)]
    assert timeline('<S t="0" d="4" r="-1"/>', until=9) == [(0, 4), (4, 8), (8, 12)]


@pytest.mark.parametrize("row", ['<S d="0"/>', '<S d="1" r="2000000"/>', '<S d="x"/>', '<S d="1" r="-1"/>'])
def test_an_invalid_or_endless_timeline_is_rejected(row: str) -> None:
    with pytest.raises(ValueError, match=r"segment|not a whole"):
        timeline(row)


def test_entities_and_huge_trees_are_rejected() -> None:
    for text, problem in (
        ('<!DOCTYPE a [<!ENTITY b "c">]><a/>', "entity"),
        ("<a>" + "<b/>" * 500_001 + "</a>", "elements"),
        ("<a>", "not XML"),
    ):
        with pytest.raises(ValueError, match=problem):
            parse_tree(text)


def test_templates_are_filled_with_their_identifiers() -> None:
    url = fill_template(
        "$RepresentationID$/$$-$Number%05d$-$Time$-$Bandwidth$", number=7, time=9, name="v", bandwidth="3"
    )
    assert url == "v/$-00007-9-3"
    assert len(fill_template("$Number%099d$", number=1)) == 20
