"""An outage is logged once when it begins and once when it ends, however many calls fail."""

from __future__ import annotations

import pytest

from eddyline.core.log_fields import record_fields
from eddyline.core.outages import OutageLog


def test_an_outage_is_logged_once_with_its_length(caplog: pytest.LogCaptureFixture) -> None:
    now = iter([10.0, 25.5, 30.0, 31.0])
    log = OutageLog("ledger", clock=lambda: next(now))
    log.available()
    for _ in range(3):
        log.unavailable("connection refused")
    log.available()
    log.available()
    assert [(record.getMessage(), record_fields(record)) for record in caplog.records] == [
        ("service unavailable", {"service": "ledger", "error": "connection refused"}),
        ("service available again", {"service": "ledger", "outage_s": 15.5}),
    ]
    log.unavailable("connection refused")
    log.available()
    assert len(caplog.records) == 4, "a second outage is logged as well"
