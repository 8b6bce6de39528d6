"""The worker process of a server: its command line, and its end with the server."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.waiting import wait_until

from eddyline import config
from eddyline.app.local_worker import NICENESS, LocalWorkerRequest, run_local_worker
from eddyline.app.shared_services import SharedServices
from eddyline.core.stop import Stop
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.local_worker import worker_name
from eddyline.pipeline.runs.run_directory import RunDirectory

SHARED = SharedServices(store="", ledger="", queues="", settings=config.read({}))


def test_the_command_line_names_what_is_set() -> None:
    request = LocalWorkerRequest(out=Path("/data"), shared=SHARED)
    assert request.argv() == (
        *(sys.executable, "-m", "eddyline", "local-worker"),
        *("--out", "/data", "--log-level", "info"),
    )
    assert LocalWorkerRequest(out=Path("/data"), shared=SHARED, slots=3).argv()[-2:] == ("--slots", "3")


@pytest.mark.slow
def test_the_process_is_niced_and_ends_when_its_server_does(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    with directory.lock(runs_jobs=False), Ledger.open(directory.ledger) as ledger:
        argv = LocalWorkerRequest(out=tmp_path, shared=SHARED).argv()
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            wait_until(
                lambda: [each.name for each in ledger.workers()] == [worker_name(process.pid)], timeout_s=60
            )
            assert os.getpriority(os.PRIO_PROCESS, process.pid) >= NICENESS
            output, _ = process.communicate(timeout=60)  # closes its standard input
        assert process.returncode == 0
        assert '"reason": "the server ended"' in output
        assert ledger.workers() == []


def test_a_stop_that_was_requested_before_ends_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eddyline.app.local_worker.lower_priority", lambda _: None)
    stop, stream = Stop(), io.StringIO()
    stop.request("a test")
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stdin, os.fdopen(writer, "wb"):
        run_local_worker(
            LocalWorkerRequest(out=tmp_path, shared=SHARED), stop=stop, stdin=stdin, stream=stream
        )
    assert '"event": "local worker stopped"' in stream.getvalue()
