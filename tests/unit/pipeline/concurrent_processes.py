"""Runs several processes that start at the same moment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[3]


def run_at_once(code: str, arguments: Sequence[Sequence[str]]) -> None:
    """Run `code` once for each list of arguments; it prints a line when ready, and waits for one to start."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, *process_arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(_ROOT)])},
            text=True,
        )
        for process_arguments in arguments
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
    assert [child.returncode for child in children] == [0] * len(children)
