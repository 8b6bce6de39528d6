"""Log lines of the functions are JSON with the fields of the call."""

from __future__ import annotations

import json
import logging

import pytest

from eddyline.aws.lambdas.json_logs import JsonFormatter, set_up_logs


def test_a_record_is_one_line_with_level_event_and_fields() -> None:
    record = logging.makeLogRecord(
        {"msg": "instance drain", "levelname": "INFO", "instance": "i-1", "checks": 2}
    )
    assert json.loads(JsonFormatter().format(record)) == {
        "level": "info",
        "event": "instance drain",
        "instance": "i-1",
        "checks": 2,
    }


def test_an_exception_is_part_of_the_line() -> None:
    error = ValueError("a\nb")
    record = logging.makeLogRecord({"msg": "x", "exc_info": (ValueError, error, None)})
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert "ValueError" in json.loads(text)["exception"]


def test_logs_are_set_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("eddyline.lambdas")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", True)
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    set_up_logs()
    set_up_logs()
    assert len(logger.handlers) == 1
