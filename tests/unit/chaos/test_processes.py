from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.chaos.processes import Command, Member, ProcessExit, ProcessState, processes_in
from tests.waiting import wait_until

_SLEEP = "print('up', flush=True); time.sleep(60)"
STOPS_ON_SIGTERM = f"import signal, sys, time; signal.signal(15, lambda *_: sys.exit(0)); {_SLEEP}"
IGNORES_SIGTERM = f"import signal, time; signal.signal(15, signal.SIG_IGN); {_SLEEP}"
HARNESS = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.chaos.processes import Command, Member
argv = (sys.executable, "-c", "import time; time.sleep(60)", sys.argv[2] + "/x")
make = lambda: Command(argv=argv, environment={{}})
Member(name="m", log=Path(sys.argv[2]) / "log", make=make).start()
{_SLEEP}
"""


def member(tmp_path: Path, program: str) -> Member:
    argv = (sys.executable, "-c", program, str(tmp_path / "own"))
    started = Member(
        name="one", log=tmp_path / "log", make=lambda: Command(argv=argv, environment=dict(os.environ))
    )
    started.start()
    wait_until(lambda: "up" in started.log_tail())
    return started


def wait_for_exit(process: Member) -> ProcessExit:
    found: list[ProcessExit] = []

    def has_exited() -> bool:
        found.extend(exit_report for exit_report in (process.poll_exit(),) if exit_report is not None)
        return bool(found)

    wait_until(has_exited)
    return found[0]


def test_the_exit_of_a_process_that_was_requested_to_stop_is_reported(tmp_path: Path) -> None:
    process = member(tmp_path, STOPS_ON_SIGTERM)
    assert process.poll_exit() is None
    process.request_stop(10)
    exit_report = wait_for_exit(process)
    assert (exit_report.state, exit_report.status) == (ProcessState.STOPPING, 0)
    assert exit_report.early_s is not None
    assert 0 < exit_report.early_s < 10
    assert process.state is ProcessState.STOPPED


def test_a_process_that_ignores_the_request_is_killed_at_its_deadline(tmp_path: Path) -> None:
    process = member(tmp_path, IGNORES_SIGTERM)
    process.request_stop(0.3)
    exit_report = wait_for_exit(process)
    assert exit_report.early_s == -1.0
    assert exit_report.took_s >= 0.3
    assert not processes_in(tmp_path)


def test_a_killed_process_is_not_reported_and_can_restart(tmp_path: Path) -> None:
    process = member(tmp_path, STOPS_ON_SIGTERM)
    process.kill()
    assert process.poll_exit() is None
    process.start()
    assert process.starts == 2
    process.kill()


def test_a_process_that_exits_unrequested_is_reported(tmp_path: Path) -> None:
    process = member(tmp_path, "print('up', flush=True); raise SystemExit(3)")
    exit_report = wait_for_exit(process)
    assert (exit_report.state, exit_report.status, exit_report.early_s) == (ProcessState.RUNNING, 3, None)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_frozen_process_does_nothing_until_it_resumes(tmp_path: Path) -> None:
    process = member(tmp_path, "import time\nwhile True: print('up', flush=True); time.sleep(0.01)")
    process.freeze()
    time.sleep(0.05)
    before = process.log.stat().st_size
    time.sleep(0.2)
    assert process.log.stat().st_size == before
    process.resume()
    wait_until(lambda: process.log.stat().st_size > before)
    process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends a child with its parent")
def test_no_process_outlives_the_harness(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HARNESS, str(Path(__file__).parents[3]), str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"up\n"
        wait_until(lambda: any("/x" in line for line in processes_in(tmp_path)))
        running.kill()
    wait_until(lambda: not processes_in(tmp_path))
