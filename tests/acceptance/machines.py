"""The commands of a fleet as separate processes, each with the environment of a separate machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(kw_only=True)
class Machines:
    """Starts commands, all with the environment `shared`; kills those that still run at the end."""

    command: tuple[str, ...]
    folder: Path
    shared: Mapping[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def start(self, name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Run a command under a name; its log is in `log(name)`, its scratch space in a separate folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*self.command, *arguments],
                env=self._environment(name, environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.processes[name] = process
        return process

    def run(self, *arguments: str, check: bool = True, **environment: str) -> str:
        """Run a command until it exits; returns its output."""
        done = subprocess.run(
            [*self.command, *arguments],
            env=self._environment("user", environment),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:] + self.logs()
        return done.stdout

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The events that a process has logged so far."""
        text = (self.folder / f"{name}.log").read_text("utf-8", "replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def logs(self) -> str:
        """The ends of all logs, for the message of a failed test."""
        return "".join(
            f"\n== {path.name}\n{path.read_text('utf-8', 'replace')[-1500:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def _environment(self, name: str, environment: Mapping[str, str]) -> dict[str, str]:
        work = self.folder / f"{name}-work"
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "PYTHONPATH", "TMPDIR") if key in os.environ}
        machine = {"EDDYLINE_WORK": str(work), "AWS_EC2_METADATA_DISABLED": "true"}
        return {**kept, **machine, **self.shared, **environment}


def end(process: subprocess.Popen[bytes], number: signal.Signals, within_s: float) -> tuple[int, float]:
    """Send a signal; returns the exit status and the seconds until the exit."""
    began = time.monotonic()
    process.send_signal(number)
    return process.wait(within_s), time.monotonic() - began
