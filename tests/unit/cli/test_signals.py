"""A late SIGTERM, after a service process has handed back its work."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

_PROCESS = """
import sys
from eddyline.cli.signals import Interruption
from eddyline.core.stop import Stop

with Interruption(Stop(), ends_process={ends_process}):
    pass
print("handed back", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("ends_process", "status"), [(True, 0), (False, -signal.SIGTERM)])
def test_only_a_process_that_ends_ignores_a_late_sigterm(*, ends_process: bool, status: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PROCESS.format(ends_process=ends_process)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "handed back\n"
        process.send_signal(signal.SIGTERM)
        process.stdin.close()
        assert process.wait(10) == status
