"""Logs as JSON lines: one object an event, with asset, job and attempt wherever there are any."""

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
"""From all there is, progress included, to what somebody has to see to."""

# Without the values of local variables: credentials may be among them.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_OWN_LOGGERS = "eddyline."
_LONGEST = 4000
_DEEPEST = 6
_WIDEST = 200
# Names and passwords in addresses; signatures and tokens in queries, as in presigned URLs.
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://)[^/\s@]{1,500}@", re.IGNORECASE)
_SIGNED = re.compile(
    r"\b(X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature|sig|password|token)=[^&\s\"']+",
    re.IGNORECASE,
)


class _Line:
    """Writes lines whole; a log that cannot be written must not end the work that it tells of."""

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


def open_log(stream: TextIO, *, level: str = "info", **always: object) -> FilteringBoundLogger:
    """A logger that writes JSON lines to `stream`, each with what is given as `always`.

    Raises `UsageError` for a level that is not one of `LEVELS`.
    """
    if level not in LEVELS:
        raise UsageError(f"{level!r} is no log level", remedy=f"choose one of {', '.join(LEVELS)}")
    logger: FilteringBoundLogger = structlog.wrap_logger(
        _Line(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _TRACEBACKS,
            _redacted,
            structlog.processors.JSONRenderer(default=str),  # in ASCII: any stream takes it
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger.bind(**always)


def worker_event_logger(log: FilteringBoundLogger) -> Callable[[WorkerEvent], None]:
    """A listener for a worker's events; made to be its `on_event`."""

    def hear(event: WorkerEvent) -> None:
        job = event.job
        told: dict[str, Any] = {
            "asset": job.asset,
            "job": job.id,
            "attempt": job.attempt,
            "kind": job.kind,
            "class": job.pool,
            "worker": event.worker,
        }
        match event.kind:
            case WorkerEventKind.STARTED:
                log.info("job started", **told)
            case WorkerEventKind.PROGRESS:
                log.debug("job progress", **told, fraction=round(event.fraction, 4), note=event.note)
            case WorkerEventKind.FINISHED:
                log.info("job done", **told, elapsed_s=round(event.elapsed_s, 3))
            case WorkerEventKind.INTERRUPTED:
                log.info("job interrupted", **told, elapsed_s=round(event.elapsed_s, 3), why=event.note)
            case WorkerEventKind.FAILED:
                evidence = {"elapsed_s": round(event.elapsed_s, 3), "error": event.error}
                if job.state is State.DEAD:
                    log.error("job dead", **told, **evidence)
                else:
                    log.warning("job failed", **told, **evidence, tried_again_at=job.ready_at)

    return hear


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


def _redacted(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {key: _clean(value, _DEEPEST) for key, value in event.items()}


def _clean(value: object, depth: int) -> object:
    """The same value without secrets, and no larger than a line of a log should be."""
    if isinstance(value, str):
        # Twice the length: what the first cut may have beheaded falls to the second one.
        hidden = _SIGNED.sub(r"\1=***", _USERINFO.sub(r"\1***@", value[-2 * _LONGEST :]))
        # The end of what a program said tells more than its beginning.
        return hidden if len(hidden) <= _LONGEST else f"...{hidden[-_LONGEST:]}"
    if isinstance(value, Mapping | list | tuple) and not depth:
        return "..."
    if isinstance(value, Mapping):
        return {str(key): _clean(each, depth - 1) for key, each in list(value.items())[:_WIDEST]}
    if isinstance(value, list | tuple):
        return [_clean(each, depth - 1) for each in value[:_WIDEST]]
    return value
