"""The page about logs lists all events of the program, and every logging call has a fixed event."""

from __future__ import annotations

import re

from docs import log_events

PAGE = (log_events.SOURCES.parent / "docs" / "reference" / "logs.md").read_text("utf-8")


def test_every_logging_call_has_a_literal_event_and_passes_values_as_fields() -> None:
    assert log_events.collect().mistakes == []


def test_every_event_is_explained_and_no_other() -> None:
    assert set(log_events.MEANINGS) == set(log_events.collect().events), "edit docs/log_events.py"
    assert all(log_events.MEANINGS.values())


def test_the_page_lists_every_event_and_no_other() -> None:
    listed = re.findall(r"^\| `([^`]+)` \| (?:debug|info|warning|error)", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(log_events.collect().events), "run `make docs`"
