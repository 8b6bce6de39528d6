"""The process exits without teardown, and yet as usual."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def _exit(
    code: int, before: str = "", *, stdout: int | None = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    program = f"import sys\nfrom eddyline.cli.process_exit import exit_quickly\n{before}\n"
    program += f"exit_quickly({code})"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    argv = [sys.executable, "-c", program]
    return subprocess.run(
        argv, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, env=environment
    )


@pytest.mark.parametrize("code", [0, 1, 2, 130, 143])
def test_the_exit_code_is_kept_and_buffered_output_is_written(code: int) -> None:
    done = _exit(code, "print('text', end='')")
    assert (done.returncode, done.stdout) == (code, "text")


def test_exit_functions_run() -> None:
    assert _exit(0, "import atexit; atexit.register(print, 'closed')").stdout == "closed\n"


def test_threads_that_are_not_daemons_are_waited_for() -> None:
    before = (
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.2), print('ended'))).start()"
    )
    assert _exit(1, before).stdout == "ended\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_output_that_cannot_be_written_is_a_failure() -> None:
    with Path("/dev/full").open("w") as full:
        assert _exit(0, "print('text')", stdout=full.fileno()).returncode == 120
