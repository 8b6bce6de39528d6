from __future__ import annotations

import pytest

from eddyline.core import counters


def test_events_are_counted_by_name_and_label() -> None:
    before = counters.counts("messages_parked").get("jobs", 0)
    counters.increment("messages_parked", "jobs")
    counters.increment("messages_parked", "jobs")
    assert counters.counts("messages_parked")["jobs"] == before + 2


def test_an_unknown_event_is_an_error() -> None:
    with pytest.raises(KeyError):
        counters.increment("no_such_event", "jobs")
