"""Every threshold has a unit, a meaning and a source."""

from __future__ import annotations

from dataclasses import fields

from eddyline.edit.highlights.thresholds import THRESHOLDS, Thresholds, markdown_table


def test_the_table_lists_every_threshold_with_its_source() -> None:
    rows = markdown_table().splitlines()[2:]
    assert len(rows) == len(fields(Thresholds)) == len(vars(THRESHOLDS))
    assert all(len(row.split("|")) == 5 and row.split("|")[3].strip() for row in rows)
    assert any("0.35 g" in row and "free-fall" in row for row in rows)
