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
    made = Member(
        name="one", log=tmp_path / "log", make=lambda: Command(argv=argv, environment=dict(os.environ))
    )
    made.start()
    wait_until(lambda: "up" in made.log_tail())
    return made


def wait_for_exit(one: Member) -> ProcessExit:
    found: list[ProcessExit] = []

    def has_exited() -> bool:
        found.extend(gone for gone in (one.poll_exit(),) if gone is not None)
        return bool(found)

    wait_until(has_exited)
    return found[0]


def test_a_process_asked_to_stop_is_seen_to_exit_in_time(tmp_path: Path) -> None:
    one = member(tmp_path, STOPS_ON_SIGTERM)
    assert one.poll_exit() is None
    one.request_stop(10)
    gone = wait_for_exit(one)
    assert (gone.state, gone.status) == (ProcessState.STOPPING, 0)
    assert gone.early_s is not None
    assert 0 < gone.early_s < 10
    assert one.state is ProcessState.STOPPED


def test_a_process_that_ignores_the_request_is_killed_at_its_deadline(tmp_path: Path) -> None:
    one = member(tmp_path, IGNORES_SIGTERM)
    one.request_stop(0.3)
    gone = wait_for_exit(one)
    assert gone.early_s == -1.0
    assert gone.took_s >= 0.3
    assert not processes_in(tmp_path)


def test_a_killed_process_is_not_a_departure_and_can_restart(tmp_path: Path) -> None:
    one = member(tmp_path, STOPS_ON_SIGTERM)
    one.kill()
    assert one.poll_exit() is None
    one.start()
    assert one.starts == 2
    one.kill()


def test_a_process_that_exits_unrequested_is_reported(tmp_path: Path) -> None:
    one = member(tmp_path, "print('up', flush=True); raise SystemExit(3)")
    gone = wait_for_exit(one)
    assert (gone.state, gone.status, gone.early_s) == (ProcessState.RUNNING, 3, None)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_frozen_process_does_nothing_until_it_resumes(tmp_path: Path) -> None:
    one = member(tmp_path, "import time\nwhile True: print('up', flush=True); time.sleep(0.01)")
    one.freeze()
    time.sleep(0.05)
    before = one.log.stat().st_size
    time.sleep(0.2)
    assert one.log.stat().st_size == before
    one.resume()
    wait_until(lambda: one.log.stat().st_size > before)
    one.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends a child with its parent")
def test_no_process_outlives_the_harness(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HARNESS, str(Path(__file__).parents[3]), str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"up\n"
        wait_until(lambda: any("/x" in line for line in processes_in(tmp_path)))
        running.kill()
    wait_until(lambda: not processes_in(tmp_path))
