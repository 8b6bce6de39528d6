"""Events and fields of logging records."""

from __future__ import annotations

import logging

from eddyline.core.log_fields import FieldsFormatter, record_fields


def _record(**fields: object) -> logging.LogRecord:
    return logging.getLogger("eddyline.x").makeRecord(
        "eddyline.x", logging.WARNING, "x.py", 1, "queue setup failed", (), None, extra=fields
    )


def test_fields_are_what_the_call_passed_as_extra() -> None:
    assert record_fields(_record(queue="q", count=2)) == {"queue": "q", "count": 2}
    assert record_fields(_record()) == {}


def test_a_formatted_line_has_the_event_and_its_fields() -> None:
    assert FieldsFormatter().format(_record(queue="q", count=2)) == "queue setup failed queue=q count=2"
