from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.waiting import wait_until

from eddyline.core.errors import Interrupted, MissingError, ToolError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.core.stop import Stop


def _python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code, *arguments)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"}


def _gone(pid: int, within_s: float = 2.0) -> bool:
    wait_until(lambda: not _alive(pid), timeout_s=within_s)
    return True


def test_the_output_and_cpu_time_of_a_child_are_returned() -> None:
    runner = Runner()
    code = "import sys; sys.stdout.write('out'); sys.stderr.write('err'); sum(range(2_000_000))"
    finished = runner.run(_python(code))
    assert (finished.stdout, finished.stderr) == (b"out", "err")
    assert finished.argv == _python(code)
    assert 0 < finished.cpu_s <= finished.wall_s + 1
    assert runner.cpu_s == finished.cpu_s
    runner.run(_python("pass"))
    assert runner.cpu_s > finished.cpu_s


def test_a_failure_keeps_the_command_the_status_and_the_end_of_stderr() -> None:
    code = "import sys; sys.stderr.write('x' * 100_000 + '\\nthe last word\\n\\n'); sys.exit(3)"
    with pytest.raises(ToolError, match="status 3: the last word") as caught:
        Runner().run(_python(code))
    evidence = caught.value.evidence()
    assert evidence["status"] == 3
    assert evidence["argv"] == list(_python(code))
    assert len(evidence["stderr"]) == 16 * 1024
    assert evidence["stderr"].endswith("the last word\n\n")


def test_a_failure_without_output_is_reported_as_such() -> None:
    with pytest.raises(ToolError, match="no error message"):
        Runner().run(_python("raise SystemExit(1)"))


def test_the_error_for_a_killed_child_names_the_signal() -> None:
    with pytest.raises(ToolError, match="killed by SIGKILL") as caught:
        Runner().run(_python("import os; os.kill(os.getpid(), 9)"))
    assert caught.value.status == -signal.SIGKILL
    assert caught.value.retry


def test_a_child_that_exceeds_its_time_limit_is_stopped() -> None:
    started = time.monotonic()
    with pytest.raises(ToolError, match="exceeded its time limit") as caught:
        Runner().run(_python("import time; time.sleep(60)"), limits=Limits(wall_s=0.2))
    assert time.monotonic() - started < 9
    assert caught.value.status == -signal.SIGTERM


def test_a_child_without_output_is_stopped_but_one_with_output_is_not() -> None:
    limits = Limits(wall_s=20, idle_s=2.0)
    code = "import time\nfor n in range(11): print(n, flush=True); time.sleep(.12)"
    lines: list[str] = []
    Runner().run(_python(code), limits=limits, on_line=lines.append)
    assert lines == [str(number) for number in range(11)]
    with pytest.raises(ToolError, match="printed nothing for"):
        Runner().run(_python("print(1, flush=True)\nimport time; time.sleep(60)"), limits=limits)


def test_a_child_that_ignores_sigterm_is_killed_within_two_seconds() -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    stop = Stop()
    requested_at: list[float] = []

    def request_stop(_line: str) -> None:
        requested_at.append(time.monotonic())
        stop.request("Ctrl-C")

    with pytest.raises(Interrupted, match="Ctrl-C"):
        Runner(stop=stop).run(_python(code), on_line=request_stop)
    assert time.monotonic() - requested_at[0] < 9


def test_a_stop_of_another_thread_ends_a_child_immediately() -> None:
    stop = Stop()
    threading.Timer(0.1, stop.request, ["taken away"]).start()
    started = time.monotonic()
    with pytest.raises(Interrupted, match="taken away"):
        Runner(stop=stop).run(_python("import time; time.sleep(60)"))
    assert time.monotonic() - started < 9


def test_no_child_starts_after_a_stop(tmp_path: Path) -> None:
    stop = Stop()
    stop.request("over")
    with pytest.raises(Interrupted):
        Runner(stop=stop).run(_python(f"open({str(tmp_path / 'x')!r}, 'w')"))
    assert not (tmp_path / "x").exists()


def test_a_child_cannot_exceed_its_memory_limit() -> None:
    limits = Limits(memory=200 * 1024 * 1024)
    with pytest.raises(ToolError, match="MemoryError"):
        Runner().run(_python("bytearray(400 * 1024 * 1024)"), limits=limits)


def test_a_child_with_endless_output_is_stopped() -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    with pytest.raises(ToolError, match="printed more than 1000000 bytes"):
        Runner().run(_python(code), limits=Limits(output=1_000_000, wall_s=20))


def test_an_error_of_the_line_handler_stops_the_child_and_is_raised() -> None:
    class ListenerError(Exception):
        pass

    def listen(line: str) -> None:
        raise ListenerError(line)

    started = time.monotonic()
    with pytest.raises(ListenerError, match="hello"):
        Runner().run(
            _python("print('hello', flush=True)\nimport time; time.sleep(60)"),
            on_line=listen,
            limits=Limits(wall_s=20),
        )
    assert time.monotonic() - started < 9


def test_a_child_has_a_minimal_environment_and_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    code = "import os, sys; print(sorted(os.environ), repr(sys.stdin.read()), os.environ['LC_ALL'])"
    stdout = Runner().run(_python(code), env={"OURS": "1"}).stdout.decode()
    assert "SECRET" not in stdout
    assert "'OURS'" in stdout
    assert "'' C" in stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the scheduling policy exists on Linux only")
def test_a_child_is_scheduled_as_batch_work_and_keeps_its_nice_value() -> None:
    code = "import os; print(os.sched_getscheduler(0) == os.SCHED_BATCH, os.nice(0))"
    assert Runner().run(_python(code)).stdout.split() == [b"True", str(os.nice(0)).encode()]


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ToolError, match=r"/no/such/ffmpeg was not found.*doctor"):
        Runner().run(("/no/such/ffmpeg", "-version"))


def test_a_missing_work_directory_is_not_reported_as_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="gone"):
        Runner().run(_python("pass"), cwd=tmp_path / "gone")


def test_a_program_without_execute_permission_is_a_transient_error(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    with pytest.raises(Exception, match="cannot start") as caught:
        Runner().run((str(program),))
    assert getattr(caught.value, "retry", False)


# A wrapper script around FFmpeg: the shell is the child of Eddyline, and starts another process.
_WRAPPER = "#!/bin/sh\necho start\nsleep 60 &\necho $!\nwait\n"


@pytest.fixture
def wrapper(tmp_path: Path) -> str:
    path = tmp_path / "ffmpeg"
    path.write_text(_WRAPPER)
    path.chmod(0o755)
    return str(path)


def test_the_children_of_a_wrapper_script_end_with_it(wrapper: str) -> None:
    lines: list[str] = []
    started = time.monotonic()
    with pytest.raises(ToolError, match="exceeded its time limit"):
        Runner().run((wrapper,), limits=Limits(wall_s=0.4), on_line=lines.append)
    assert time.monotonic() - started < 12
    assert lines[0] == "start"
    assert _gone(int(lines[1]))


def test_descendants_of_a_finished_child_are_killed() -> None:
    code = "import os, time\nif os.fork() == 0: time.sleep(60)\nelse: print('done')"
    started = time.monotonic()
    assert Runner().run(_python(code)).stdout == b"done\n"
    assert time.monotonic() - started < 12


_PARENT = """
import sys
from eddyline.core.processes.runner import Runner
code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
Runner().run((sys.executable, "-S", "-c", code), on_line=lambda line: print(line, flush=True))
"""


def _orphaned(kill: signal.Signals) -> int:
    with subprocess.Popen((sys.executable, "-c", _PARENT), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert _alive(child)
        os.kill(parent.pid, kill)
        parent.wait()
    return child


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child when its parent dies")
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_is_killed_when_its_parent_dies(kill: signal.Signals) -> None:
    assert _gone(_orphaned(kill))


def test_many_children_can_end_at_the_same_time() -> None:
    # A child that exits at the moment of the stop request must be reaped exactly once.
    errors: list[BaseException] = []

    def run_children(number: int) -> None:
        for attempt in range(4):
            limits = Limits(wall_s=0.05 + 0.004 * ((number + attempt) % 8))
            try:
                Runner().run(("/bin/sleep", "0.07"), limits=limits)
            except ToolError:
                pass
            except BaseException as error:  # noqa: BLE001 - a thread's errors are shown by the test
                errors.append(error)

    threads = [threading.Thread(target=run_children, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_child_that_ends_at_the_moment_of_the_signal_is_reaped_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The time between the check whether the child has ended and the signal is extended until it has ended.
    signalled: list[int] = []

    def kill_late(real: Callable[[int, int], None], pid: int, number: int) -> None:
        if not signalled:
            signalled.append(pid)
            time.sleep(0.4)
        real(pid, number)

    for name in ("kill", "killpg"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda pid, number, real=real: kill_late(real, pid, number))
    popen_poll = subprocess.Popen.poll

    def slow_poll(child: subprocess.Popen[bytes]) -> int | None:
        time.sleep(0.4)
        return popen_poll(child)

    monkeypatch.setattr(subprocess.Popen, "poll", slow_poll)
    with pytest.raises(ToolError):
        Runner().run(("/bin/sleep", "0.2"), limits=Limits(wall_s=0.05))


def _under_a_hard_limit(kib: int, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process whose address space is bounded as by `ulimit -Hv`."""
    return subprocess.run(
        ["bash", "-c", f'ulimit -v {kib}; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_limit_above_the_hard_limit_of_the_process_is_lowered_to_it() -> None:
    code = """
from eddyline.core.processes.runner import Limits, Runner
print(Runner().run(("/bin/sh", "-c", "ulimit -v"), limits=Limits(memory=1 << 40)).stdout.decode().strip())
"""
    done = _under_a_hard_limit(6_000_000, code)
    assert (done.stdout.strip(), done.returncode) == ("6000000", 0), done.stderr


def test_the_remedy_for_an_exhausted_address_space_names_the_limit_to_raise() -> None:
    code = """
import sys
from eddyline.core.errors import ToolError
from eddyline.core.processes.runner import Runner
try:
    Runner().run(("/bin/sh", "-c", "echo x: Cannot allocate memory >&2; exit 1"))
except ToolError as error:
    print(error.is_machine_fault, error.remedy)
"""
    done = _under_a_hard_limit(6_000_000, code)
    assert (
        done.stdout.strip()
        == "True raise the address-space limit of this process, now 6000000 KiB (`ulimit -v`)"
    )
