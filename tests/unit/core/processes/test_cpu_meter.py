"""The CPU time of a job is that of its thread and of its programs, also while they run."""

from __future__ import annotations

import sys
import threading
import time

import pytest
from tests.waiting import wait_until

from eddyline.core.errors import Interrupted
from eddyline.core.processes.cpu_meter import CpuMeter, ProcessShare
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop

COMPUTE = "import time\nwhile time.process_time() < {}: pass"


def _python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code)


def _compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_a_meter_counts_its_thread_between_start_and_stop() -> None:
    meter = CpuMeter()
    _compute(0.1)
    assert meter.read_s() == 0
    meter.start()
    _compute(0.1)
    time.sleep(0.1)
    meter.stop()
    counted = meter.read_s()
    assert 0.1 <= counted < 0.2
    _compute(0.05)
    assert meter.read_s() == counted


@pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="the system cannot read the time of a thread"
)
def test_another_thread_reads_the_time_so_far() -> None:
    meter, computed, release = CpuMeter(), threading.Event(), threading.Event()

    def run() -> None:
        meter.start()
        _compute(0.1)
        computed.set()
        release.wait(10)
        meter.stop()

    thread = threading.Thread(target=run)
    thread.start()
    assert computed.wait(10)
    _compute(0.1)  # of this thread, which is not counted
    assert 0.1 <= meter.read_s() < 0.19
    release.set()
    thread.join()
    assert 0.1 <= meter.read_s() < 0.19


def test_programs_are_counted_when_they_have_ended() -> None:
    meter = CpuMeter()
    runner = Runner(meter=meter)
    runner.run(_python(COMPUTE.format(0.2)))
    runner.run(_python("pass"))
    assert meter.read_s() == pytest.approx(runner.cpu_s)
    assert meter.read_s() >= 0.2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_programs_are_counted_while_they_run_and_once() -> None:
    meter, stop = CpuMeter(), Stop()
    runner = Runner(meter=meter, stop=stop)

    def run() -> None:
        with pytest.raises(Interrupted):
            runner.run(_python(COMPUTE.format(60)))

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: meter.read_s() > 0.2)
    stop.request("enough")
    thread.join(10)
    assert not thread.is_alive()
    assert meter.read_s() == pytest.approx(runner.cpu_s)
    assert meter.read_s() > 0.2


def test_a_program_whose_usage_is_unknown_adds_nothing() -> None:
    meter = CpuMeter()
    meter.add_program(2**30)  # no such process
    assert meter.read_s() == 0
    meter.end_program(2**30, 1.5)
    assert meter.read_s() == 1.5


def test_the_rest_of_the_process_is_divided_among_its_jobs() -> None:
    now = [10.0]
    share = ProcessShare(since_s=4.0, clock=lambda: now[0])
    share.begin()
    one, two = CpuMeter(), CpuMeter()
    share.divide([])  # left to the first jobs
    share.divide([one, two])
    assert (one.read_s(), two.read_s()) == (3.0, 3.0)
    now[0] = 11.0
    share.divide([two])
    assert (one.read_s(), two.read_s()) == (3.0, 4.0)
    now[0] = 20.0
    share.begin()  # a later run
    share.divide([one])
    assert one.read_s() == 3.0


def test_the_time_of_a_jobs_thread_is_not_divided() -> None:
    meter = CpuMeter()
    now = [0.0]
    share = ProcessShare(since_s=0.0, clock=lambda: now[0])
    meter.start()
    _compute(0.1)
    meter.stop()
    own = meter.read_s()
    now[0] = own + 1.0
    share.divide([meter])
    assert meter.read_s() == pytest.approx(own + 1.0)
    now[0] += 0.5
    share.divide([meter])
    assert meter.read_s() == pytest.approx(own + 1.5)
