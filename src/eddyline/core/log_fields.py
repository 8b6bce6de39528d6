"""Fields of logging records: an event is a fixed phrase, its values are passed as `extra`."""

from __future__ import annotations

import logging
from typing import Any

_RECORD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def record_fields(record: logging.LogRecord) -> dict[str, Any]:
    """The fields that a logging call passed as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _RECORD_ATTRIBUTES}


class FieldsFormatter(logging.Formatter):
    """Formats a record as one line of text: the event, then `name=value` for each field."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        """The line without a traceback."""
        return " ".join(
            [record.message, *(f"{name}={value}" for name, value in record_fields(record).items())]
        )
