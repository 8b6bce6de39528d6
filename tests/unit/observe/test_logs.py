"""Logs are JSON lines with asset, job and attempt, without secrets; log errors do not end the work."""

from __future__ import annotations

import io
import json
import logging
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from eddyline.core.errors import UsageError
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Job
from eddyline.graph.states import State
from eddyline.observe.logs import LibraryLogs, open_log, worker_event_logger

JOB: dict[str, Any] = {
    "id": "a1.chunk-0003",
    "asset": "a1",
    "kind": "chunk",
    "pool": "cpu",
    "priority": 30,
    "spec": {},
    "dependencies": (),
    "optional": (),
    "weight": 1.0,
    "owner": "",
    "max_attempts": None,
    "state": State.RUNNING,
    "unmet": 0,
    "attempt": 2,
    "starts": 3,
    "interruptions": 1,
    "losses": 0,
    "fence": 3,
    "lease_owner": "ada",
    "lease_deadline": None,
    "ready_at": None,
    "result": None,
    "output": None,
    "error": None,
    "started": None,
    "finished": None,
}


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _event(kind: WorkerEventKind, state: State = State.RUNNING, **more: Any) -> WorkerEvent:
    return WorkerEvent(kind=kind, job=Job(**{**JOB, "state": state}), worker="ada", at=1.0, **more)


def test_every_line_of_a_job_contains_asset_job_and_attempt() -> None:
    stream = io.StringIO()
    log_event = worker_event_logger(open_log(stream, level="debug", pool="cpu"))
    log_event(_event(WorkerEventKind.STARTED))
    log_event(_event(WorkerEventKind.PROGRESS, fraction=0.5))
    log_event(_event(WorkerEventKind.FINISHED, elapsed_s=2.0, result={"frames": {}}))
    log_event(_event(WorkerEventKind.INTERRUPTED, note="Spot interruption"))
    log_event(_event(WorkerEventKind.FAILED, State.READY, error={"message": "no"}))
    log_event(_event(WorkerEventKind.FAILED, State.DEAD, error={"message": "no"}))
    lines = _lines(stream)
    assert [(line["event"], line["level"]) for line in lines] == [
        ("job started", "info"),
        ("job progress", "debug"),
        ("job done", "info"),
        ("job interrupted", "info"),
        ("job failed", "warning"),
        ("job dead", "error"),
    ]
    for line in lines:
        assert (line["asset"], line["job"], line["attempt"]) == ("a1", "a1.chunk-0003", 2)
        assert (line["pool"], line["worker"], line["class"]) == ("cpu", "ada", "cpu")
        assert line["timestamp"].endswith("Z")


def test_progress_is_logged_at_debug_level_only() -> None:
    stream = io.StringIO()
    log_event = worker_event_logger(open_log(stream))
    log_event(_event(WorkerEventKind.PROGRESS, fraction=0.5))
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("cannot reach postgresql://eddy:hunter2@db/ledger", "hunter2"),
        ("https://b.s3.amazonaws.com/k?X-Amz-Signature=deadbeef&X-Amz-Date=1", "deadbeef"),
        ("https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA123%2F2026", "AKIA123"),
        ("https://x.blob.core.windows.net/c/k?sv=1&sig=abc%2Bdef", "abc"),
        ("x" * 10_000 + " postgresql://eddy:hunter2@db/ledger", "hunter2"),
    ],
)
def test_secrets_are_redacted(text: str, secret: str) -> None:
    stream = io.StringIO()
    log = open_log(stream)
    log.info("trouble", error={"argv": ["ffmpeg", text], "deep": {"er": (text,)}}, why=text)
    log.info(text)
    assert secret not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_truncation_never_exposes_part_of_a_secret() -> None:
    for length in range(3950, 4050):
        stream = io.StringIO()
        open_log(stream).info("x", why="postgresql://eddy:hunter2@db/" + "y" * length)
        assert "hunter2" not in stream.getvalue()
    for length in range(7950, 8050):
        stream = io.StringIO()
        open_log(stream).info("x", why="postgresql://eddy:hunter2@db/" + "y" * length)
        assert "nter2" not in stream.getvalue()


def test_a_long_text_is_truncated_and_keeps_its_end() -> None:
    stream = io.StringIO()
    nested: Any = "deep"
    for _ in range(50):
        nested = [nested]
    open_log(stream).info("x", stderr="a" * 100_000 + "the end", many=list(range(10_000)), nested=nested)
    assert len(stream.getvalue()) < 10_000
    (line,) = _lines(stream)
    assert line["stderr"].endswith("the end")


def _break(length: int) -> None:
    raise ValueError(f"broken {length}")


def test_a_traceback_has_no_values_of_variables() -> None:
    stream = io.StringIO()
    log = open_log(stream)
    try:
        password = "hunter2".upper()
        _break(len(password))
    except ValueError:
        log.exception("failed")
    (line,) = _lines(stream)
    assert line["exception"][0]["exc_value"] == "broken 7"
    assert "HUNTER2" not in stream.getvalue()


def test_a_line_break_in_a_name_is_escaped() -> None:
    stream = io.StringIO()
    open_log(stream).info("x", asset='a\n{"event": "forged"}\u2028', path="\udcff")
    assert stream.getvalue().count("\n") == 1


class BrokenStream(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_write_errors_of_the_log_are_ignored() -> None:
    worker_event_logger(open_log(BrokenStream()))(_event(WorkerEventKind.STARTED))
    closed = io.StringIO()
    closed.close()
    worker_event_logger(open_log(closed))(_event(WorkerEventKind.STARTED))


def test_a_log_in_ascii_accepts_any_text(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="ascii") as stream:
        worker_event_logger(open_log(stream))(_event(WorkerEventKind.INTERRUPTED, note="Kanü \udcff"))
    assert "job interrupted" in (tmp_path / "log").read_text()


def test_warnings_of_libraries_are_logged() -> None:
    stream = io.StringIO()
    with LibraryLogs(open_log(stream)):
        logging.getLogger("botocore").warning("retrying %s", "https://a:b@host")
        logging.getLogger("botocore").info("nothing")
    logging.getLogger("botocore").warning("afterwards")
    lines = _lines(stream)
    assert [(line["level"], line["logger"]) for line in lines] == [("warning", "botocore")]
    assert lines[0]["message"] == "retrying https://***@host"


def test_records_of_own_loggers_keep_their_event_and_fields() -> None:
    stream = io.StringIO()
    with LibraryLogs(open_log(stream)):
        logging.getLogger("eddyline.queues").warning("message parked", extra={"queue": "q", "reason": "r"})
    (line,) = _lines(stream)
    fields = {name: line[name] for name in ("event", "level", "logger", "queue", "reason")}
    assert fields == {
        "event": "message parked",
        "level": "warning",
        "logger": "eddyline.queues",
        "queue": "q",
        "reason": "r",
    }


def test_failed_threads_and_warnings_are_logged_only_while_entered() -> None:
    stream, before = io.StringIO(), threading.excepthook

    def fail() -> None:
        raise ZeroDivisionError("on purpose")

    with LibraryLogs(open_log(stream)):
        thread = threading.Thread(target=fail, name="heartbeats")
        thread.start()
        thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.getLogger("lib").error("it broke", exc_info=ValueError("inner"))
    assert threading.excepthook is before
    failed, warned, broke = _lines(stream)
    assert (failed["event"], failed["thread"], failed["level"]) == ("thread failed", "heartbeats", "error")
    assert failed["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "DeprecationWarning" in warned["message"]
    assert broke["exception"][0]["exc_value"] == "inner"


def test_a_malformed_log_call_of_a_library_is_logged() -> None:
    stream = io.StringIO()
    record = logging.LogRecord("lib", logging.ERROR, "lib.py", 1, "%d of them", ("no number",), None)
    LibraryLogs(open_log(stream)).handle(record)
    (line,) = _lines(stream)
    assert (line["level"], line["message"]) == ("error", "%d of them")


def test_an_unknown_level_is_rejected() -> None:
    with pytest.raises(UsageError, match="'loud' is not a log level"):
        open_log(io.StringIO(), level="loud")
