"""The table of sources has each kind of source that the matrix test samples."""

from __future__ import annotations

from tests.acceptance.source_table import PAGE, kinds, rows


def test_the_table_has_every_kind_of_source_and_none_is_wrong() -> None:
    found = rows(PAGE.read_text("utf-8"))
    expected = [(each.container, each.codec, each.pixels, each.audio_codec) for each in kinds()]
    assert [row[:4] for row in found] == expected, "run python -m tests.acceptance.source_table"
    outcomes = [cell for row in found for cell in row[4:]]
    assert {cell.partition(":")[0] for cell in outcomes} <= {"published", "rejected", "not written by FFmpeg"}
    assert outcomes.count("published") > 0.95 * len(outcomes)
