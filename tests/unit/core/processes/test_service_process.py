"""Processes that a server starts and supervises."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.waiting import wait_until

from eddyline.core.errors import TransientError
from eddyline.core.processes.service_process import ServiceProcess, watch_parent

WAITS = (sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(7)")


def test_a_process_ends_by_itself_when_its_input_is_closed() -> None:
    process = ServiceProcess(WAITS)
    assert process.wait(0.05) is None
    process.ask_to_end()
    process.ask_to_end()
    assert process.wait(30) == 7


def test_killing_kills_the_whole_group_once(tmp_path: Path) -> None:
    script = (
        "import os, sys, time, pathlib\n"
        "if os.fork() == 0:\n"
        f"    pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "    time.sleep(100)\n"
        "sys.stdin.read()"
    )
    process = ServiceProcess((sys.executable, "-c", script))
    wait_until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text(), timeout_s=30)
    assert os.getpgid(int((tmp_path / "pid").read_text())) == process.pid
    assert process.kill()
    assert process.wait(30) == -signal.SIGKILL
    assert not process.kill()
    process.ask_to_end()  # closes this end of the pipe


def test_a_program_that_does_not_exist_is_an_error_with_a_remedy() -> None:
    with pytest.raises(TransientError, match="cannot start /no/such/program") as caught:
        ServiceProcess(("/no/such/program",))
    assert caught.value.remedy


def test_the_end_of_the_input_is_reported() -> None:
    ended = threading.Event()
    watch_parent(io.BytesIO(b"ignored"), ended.set)
    assert ended.is_set()


def test_a_service_lowers_its_priority() -> None:
    script = (
        "import os; from eddyline.core.processes import service_process as s;"
        "s.lower_priority(10); print(os.nice(0))"
    )
    before = os.nice(0)
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    assert int(done.stdout) == min(before + 10, 19)
