"""The times of notices, and the notice of SIGTERM."""

from __future__ import annotations

import pytest

from eddyline.fleet.notices import NoticeKind, parse_time, sigterm_notice

AT = 1_772_366_400.0


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_time("2026-03-01T12:00:00") == AT
    with pytest.raises(ValueError, match="not a time"):
        parse_time(7)


def test_sigterm_is_a_notice_about_this_process() -> None:
    notice = sigterm_notice(AT)
    assert (notice.kind, notice.instance, notice.deadline) == (NoticeKind.STOP, "", None)
