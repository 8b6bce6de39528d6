"""The fields that all events have."""

from __future__ import annotations

import pytest
from tests.unit.fleet.events.recorded_events import AT, ID, warning

from eddyline.fleet.events import envelope
from eddyline.fleet.events.envelope import EventError


def test_the_envelope_is_read() -> None:
    found = envelope.parse_envelope(warning())
    assert (found.at, found.account, found.region) == (AT, "123456789012", "eu-central-1")
    assert found.detail["instance-id"] == ID


@pytest.mark.parametrize("event", ["{", b"\xff", "[]", " " * (envelope.MAX_BYTES + 1), "[" * 100_000])
def test_texts_that_are_not_events_are_refused(event: str | bytes) -> None:
    with pytest.raises(EventError):
        envelope.parse_json(event)


def test_a_reason_is_one_printable_line_of_bounded_length() -> None:
    fields = {"first": "", "second": "a\nb\x1b[31m" + "c" * 10_000}
    reason = envelope.optional_reason(fields, "first", "second")
    assert reason.startswith("ab[31mcc")
    assert len(reason) == 255
