"""Log lines as JSON on standard output, from where Lambda sends them to CloudWatch Logs."""

from __future__ import annotations

import json
import logging
import sys

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as one line: level, event and the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        line = {"level": record.levelname.lower(), "event": record.getMessage(), **fields}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up_logs() -> None:
    """Write the logs of this package as JSON lines; safe twice. Lambda's own handler gets none of them."""
    logger = logging.getLogger("eddyline.lambdas")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
