"""Programs start while other threads of the process multiply matrices."""

from __future__ import annotations

import os
import subprocess
import sys

_PROGRAM = """
import threading
import eddyline.core.processes.runner as runner
import numpy as np

stop = threading.Event()

def multiply():
    matrix = np.ones((256, 256))
    while not stop.is_set():
        matrix @ matrix

thread = threading.Thread(target=multiply, daemon=True)
thread.start()
for _ in range(40):
    runner.Runner().run(("/bin/true",))
stop.set()
thread.join()
print("done")
"""


def test_programs_start_while_matrices_are_multiplied() -> None:
    """OpenBLAS's handler of fork() waits for its threads, which wait for the thread that forks."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], check=True, capture_output=True, timeout=60, env=environment
    )
    assert done.stdout == b"done\n"
