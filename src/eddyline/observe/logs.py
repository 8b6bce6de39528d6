"""Logs as JSON lines: one object for each event, with its asset, job and attempt if it has any.

An event is a short fixed phrase; its values are fields. `docs/reference/logs.md` lists all events.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Self, TextIO

import structlog
from structlog.typing import FilteringBoundLogger

from eddyline.core.errors import UsageError
from eddyline.core.log_fields import record_fields
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.states import State

LEVELS = ("debug", "info", "warning", "error")
"""From everything, progress included, to what an operator has to act on."""

# Without the values of local variables, which may hold credentials.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_OWN_LOGGERS = "eddyline."
_MAX_TEXT = 4000
_MAX_DEPTH = 6
_MAX_ITEMS = 200
# User names and passwords in URLs; signatures and tokens in queries, as in presigned URLs.
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://)[^/\s@]{1,500}@", re.IGNORECASE)
_SIGNED = re.compile(
    r"\b(X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature|sig|password|token)=[^&\s\"']+",
    re.IGNORECASE,
)


class _LineWriter:
    """Writes whole lines. Ignores write errors: a full disk must not end the work that is logged."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        with self._lock:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                return

    debug = info = warning = error = msg


def open_log(stream: TextIO, *, level: str = "info", **fields: object) -> FilteringBoundLogger:
    """A logger that writes JSON lines to `stream`, each with `fields`.

    Raises `UsageError` for a level that is not one of `LEVELS`.
    """
    if level not in LEVELS:
        raise UsageError(f"{level!r} is not a log level", remedy=f"choose one of {', '.join(LEVELS)}")
    logger: FilteringBoundLogger = structlog.wrap_logger(
        _LineWriter(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _TRACEBACKS,
            _redact,
            structlog.processors.JSONRenderer(default=str),  # ASCII, which any stream accepts
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger.bind(**fields)


def worker_event_logger(log: FilteringBoundLogger) -> Callable[[WorkerEvent], None]:
    """The `on_event` callback of a worker that logs its events."""

    def log_event(event: WorkerEvent) -> None:
        job = event.job
        fields: dict[str, Any] = {
            "asset": job.asset,
            "job": job.id,
            "attempt": job.attempt,
            "kind": job.kind,
            "class": job.pool,
            "worker": event.worker,
        }
        match event.kind:
            case WorkerEventKind.STARTED:
                log.info("job started", **fields)
            case WorkerEventKind.PROGRESS:
                log.debug("job progress", **fields, fraction=round(event.fraction, 4), note=event.note)
            case WorkerEventKind.FINISHED:
                log.info("job done", **fields, elapsed_s=round(event.elapsed_s, 3))
            case WorkerEventKind.INTERRUPTED:
                log.info("job interrupted", **fields, elapsed_s=round(event.elapsed_s, 3), reason=event.note)
            case WorkerEventKind.FAILED:
                evidence = {"elapsed_s": round(event.elapsed_s, 3), "error": event.error}
                if job.state is State.DEAD:
                    log.error("job dead", **fields, **evidence)
                else:
                    log.warning("job failed", **fields, **evidence, retry_at=job.ready_at)

    return log_event


class LibraryLogs(logging.Handler):
    """Writes the records of Python's logging, warnings and uncaught exceptions of threads to the same log.

    A record of one of Eddyline's own loggers keeps its event and its fields (`extra`). A message of a library
    becomes the event "library message". While entered, every line of the output is JSON.
    """

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._usual_hook = threading.excepthook

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        logging.captureWarnings(capture=True)
        self._usual_hook, threading.excepthook = threading.excepthook, self._log_thread_failure
        return self

    def __exit__(self, *_: object) -> None:
        threading.excepthook = self._usual_hook
        logging.captureWarnings(capture=False)
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a wrong call in a library
            message = str(record.msg)
        write = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        trace = {"exc_info": record.exc_info} if record.exc_info and record.exc_info[0] else {}
        if record.name.startswith(_OWN_LOGGERS):
            write(message, logger=record.name, **record_fields(record), **trace)
        else:
            write("library message", logger=record.name, message=message, **trace)

    def _log_thread_failure(self, failed: threading.ExceptHookArgs) -> None:
        name = failed.thread.name if failed.thread else ""
        error = (failed.exc_type, failed.exc_value, failed.exc_traceback)
        self._log.error("thread failed", thread=name, exc_info=error)


def _redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {key: _clean(value, _MAX_DEPTH) for key, value in event.items()}


def _clean(value: object, depth: int) -> object:
    """The value without secrets, limited in length, depth and number of items."""
    if isinstance(value, str):
        # Twice the length: a secret that the first cut split is removed by the second one.
        hidden = _SIGNED.sub(r"\1=***", _USERINFO.sub(r"\1***@", value[-2 * _MAX_TEXT :]))
        # The end of a program's output is more informative than its start.
        return hidden if len(hidden) <= _MAX_TEXT else f"...{hidden[-_MAX_TEXT:]}"
    if isinstance(value, Mapping | list | tuple) and not depth:
        return "..."
    if isinstance(value, Mapping):
        return {str(key): _clean(each, depth - 1) for key, each in list(value.items())[:_MAX_ITEMS]}
    if isinstance(value, list | tuple):
        return [_clean(each, depth - 1) for each in value[:_MAX_ITEMS]]
    return value
