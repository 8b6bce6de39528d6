"""A rollout of real workers under load, whose service starts each again: one after the other, no job lost."""

from __future__ import annotations

import json
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.acceptance.clips import noisy
from tests.acceptance.machines import Machines
from tests.waiting import wait_until

from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN, State

_PROFILE = """
name: slow
rungs: [{height: 180, crf: 30, preset: slower, maxrate_kbps: 900, bufsize_kbps: 1800}]
pictures: {thumbs: 1, poster_width: 320, thumb_width: 160, storyboard: null}
segment_s: 2
package: false
quality: off
"""
_WORKERS = 3


class _Service:
    """Starts a worker again when it has exited, as an ECS daemon service does; records the number alive."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self._stopped = threading.Event()
        self.restarts = 0
        self.exit_codes: list[int] = []
        self.fewest = _WORKERS
        for number in range(_WORKERS):
            self._start(number)
        self._thread = threading.Thread(target=self._run)

    def _start(self, number: int) -> None:
        command = ("worker", "--pool", "cpu", "--slots", "1", "--lease", "5")
        self._machines.start(f"worker-{number}", *command)

    def watch(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.05):
            running = 0
            for number in range(_WORKERS):
                code = self._machines.processes[f"worker-{number}"].poll()
                if code is None:
                    running += 1
                    continue
                self.exit_codes.append(code)
                self.restarts += 1
                self._start(number)
            self.fewest = min(self.fewest, running)


@pytest.mark.slow
def test_workers_under_load_are_replaced_one_after_the_other_even_if_the_rollout_is_killed(
    eddyline: tuple[str, ...], tmp_path: Path, ffmpeg: str
) -> None:
    (profile := tmp_path / "slow.yaml").write_text(_PROFILE)
    clip = noisy(ffmpeg, tmp_path / "clip.mp4", seconds=20, size="320x180")
    store, path = tmp_path / "store", tmp_path / "ledger.db"
    store.mkdir()
    shared = {"EDDYLINE_STORE": str(store), "EDDYLINE_LEDGER": str(path)}
    with Machines(command=eddyline, folder=tmp_path, shared=shared) as machines, Ledger.open(path) as ledger:
        service = _Service(machines)
        wait_until(lambda: len(ledger.workers()) == _WORKERS, timeout_s=60, message=machines.logs)
        machines.run("submit", str(clip), "--profile", str(profile))
        first = {worker.name for worker in ledger.workers()}
        service.watch()
        try:
            before = time.time()
            command = ("fleet", "rollout", "cpu", "--before", _iso(before), "--json")
            killed = machines.start("rollout", *command)
            wait_until(lambda: service.restarts > 0, timeout_s=120, message=machines.logs)
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            result = json.loads(machines.run(*command))
            assert result["done"] is True
            wait_until(lambda: service.restarts == _WORKERS, timeout_s=60, message=machines.logs)
            wait_until(
                lambda: not any(job.state in OPEN for job in ledger.jobs()),
                timeout_s=180,
                message=machines.logs,
            )
        finally:
            service.close()
        assert not first & {worker.name for worker in ledger.workers()}
        jobs = ledger.jobs()
    assert service.exit_codes == [0] * _WORKERS
    assert service.fewest == _WORKERS - 1  # never two at a time
    assert {job.state for job in jobs} == {State.DONE}
    assert all(
        job.losses == 0 and job.interruptions == 0 for job in jobs
    )  # each drained worker finished its job


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()
