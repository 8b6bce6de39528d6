"""`eddyline serve` as a process: killed workers and servers, open streams at its end, refused addresses."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.clips import noisy
from tests.acceptance.conftest import manifest_of
from tests.unit.web.open_streams import open_streams, slowdown
from tests.waiting import wait_until

from eddyline.app.tools import find_toolchain
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.media.ladder.profile import load_profile
from eddyline.pipeline.submission.submit import submit
from eddyline.store.local import LocalStore

PROFILE = """
gop_s: 1
segment_s: 1
rungs:
  - {height: 90, crf: 30, preset: veryslow, maxrate_kbps: 200, bufsize_kbps: 400}
pictures: {thumbs: 3, poster_width: 160, thumb_width: 80}
quality: off
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server process and its log."""

    process: subprocess.Popen[bytes]
    port: int
    out: Path

    def request(self, path: str, *, method: str = "GET") -> Any:
        """The JSON of a response."""
        address = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(address, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - of this machine
            return json.load(response)

    def worker(self) -> int | None:
        """The process of the worker, or None while it is not running."""
        pid = self.request("/api/v1/local-worker")["pid"]
        assert pid is None or isinstance(pid, int)
        return pid

    def open_ledger(self) -> Ledger:
        return Ledger.open(self.out / ".eddyline" / "ledger.sqlite")


@contextlib.contextmanager
def serving(eddyline: tuple[str, ...], out: Path) -> Iterator[Server]:
    """A server on a free port whose worker has been started; it is killed at the end, if it still runs."""
    command = [*eddyline, "serve", "--out", str(out), "--port", "0", "--slots", "1"]
    with tempfile.NamedTemporaryFile(dir=out.parent, suffix=".log", delete=False) as output:
        log = Path(output.name)
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: _port(log) or process.poll() is not None, timeout_s=60)
        server = Server(process=process, port=_port(log), out=out)
        assert server.port, log.read_text("utf-8")
        wait_until(server.worker, timeout_s=60)
        yield server
    finally:
        process.kill()
        process.wait()


def _port(log: Path) -> int:
    """The port of a server that has started, else 0."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.endswith("}")]
    return next((int(each["port"]) for each in lines if each["event"] == "server started"), 0)


def is_running(pid: int | None) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip of several chunks, and the manifest of a run that nothing disturbs."""

    path: Path
    profile: Path
    manifest: dict[str, Any]

    def submit(self, server: Server) -> str:
        """Submit it to the directory of a server; returns the asset."""
        with server.open_ledger() as ledger:
            found = submit(
                [str(self.path)],
                load_profile(str(self.profile)),
                store=LocalStore(server.out),
                ledger=ledger,
                toolchain=find_toolchain().identity,
            )
        return found.asset

    def check(self, out: Path) -> None:
        """The asset in a directory equals that of the run, and no files of killed jobs are left."""
        manifest = manifest_of(out)
        manifest.pop("run")
        assert manifest == {key: value for key, value in self.manifest.items() if key != "run"}
        assert not list((out / ".eddyline" / "work").iterdir()), "scratch directories are left"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str, eddyline: tuple[str, ...]) -> Clip:
    folder = tmp_path_factory.mktemp("serve")
    profile, out = folder / "tiny.yaml", folder / "undisturbed"
    profile.write_text(PROFILE, "utf-8")
    path = noisy(ffmpeg, folder / "in.mp4", seconds=6, size="160x90")
    command = [*eddyline, "run", str(path), "--out", str(out), "--profile", str(profile)]
    subprocess.run(command, check=True, capture_output=True)
    return Clip(path=path, profile=profile, manifest=manifest_of(out))


def stop_in_chunk(server: Server, ledger: Ledger, asset: str) -> int:
    """Stop the worker (SIGSTOP) while it encodes a chunk, and at least one is done; returns its process."""
    worker = server.worker()
    assert worker is not None

    def is_in_chunk() -> bool:
        chunks = {job.state for job in ledger.jobs(asset=asset, kind="chunk")}
        return {State.DONE, State.RUNNING} <= chunks

    def has_stopped() -> bool:
        if not is_in_chunk():
            return False
        os.kill(worker, signal.SIGSTOP)
        if is_in_chunk():
            return True
        os.kill(worker, signal.SIGCONT)  # the chunk has ended meanwhile
        return False

    wait_until(has_stopped, timeout_s=120)
    return worker


def wait_for_end(server: Server, ledger: Ledger, asset: str) -> None:
    """Wait until the asset is ready."""
    wait_until(lambda: not ledger.has_open(asset), timeout_s=120)
    assert server.request(f"/api/v1/assets/{asset}")["state"] == "ready"


def test_after_a_kill_of_the_worker_only_the_jobs_in_progress_are_redone(
    tmp_path: Path, eddyline: tuple[str, ...], clip: Clip
) -> None:
    out = tmp_path / "out"
    with serving(eddyline, out) as server, server.open_ledger() as ledger:
        asset = clip.submit(server)
        worker = stop_in_chunk(server, ledger, asset)
        assert os.getpriority(os.PRIO_PROCESS, worker) > os.getpriority(os.PRIO_PROCESS, server.process.pid)
        (held,) = ledger.held_jobs(f"local-{worker}")
        killed = server.request("/api/v1/local-worker/kill", method="POST")
        assert killed["pid"] == worker
        assert [job["job"] for job in killed["jobs"]] == [held]
        wait_until(lambda: server.worker() not in {worker, None}, timeout_s=60)
        wait_for_end(server, ledger, asset)
        (redone,) = server.request(f"/api/v1/assets/{asset}/redone")["starts"]
        assert (redone["job"], redone["outcome"]) == (held, "lost")
        starts = {job.id: len(ledger.starts.of_job(job.id)) for job in ledger.jobs(asset=asset)}
        assert starts == {job: 2 if job == held else 1 for job in starts}
        assert server.request("/api/v1/local-worker")["restarts"] == 1
    assert manifest_of(out)["run"]["redone_jobs"] == 1
    clip.check(out)


def test_after_a_kill_of_the_server_its_worker_ends_and_another_server_continues(
    tmp_path: Path, eddyline: tuple[str, ...], clip: Clip
) -> None:
    out = tmp_path / "out"
    with serving(eddyline, out) as server, server.open_ledger() as ledger:
        asset = clip.submit(server)
        worker = stop_in_chunk(server, ledger, asset)
        server.process.kill()
        os.kill(worker, signal.SIGCONT)
        with serving(eddyline, out) as again:
            assert again.request("/healthz") == {"status": "alive"}
            wait_until(lambda: not is_running(worker), timeout_s=30)
            wait_for_end(again, ledger, asset)
    clip.check(out)


def test_the_server_ends_within_a_second_with_500_event_streams_and_its_worker_with_it(
    tmp_path: Path, eddyline: tuple[str, ...]
) -> None:
    with serving(eddyline, tmp_path / "out") as server:
        wait_until(lambda: server.request("/readyz")["status"] == "ready", timeout_s=60)
        worker = server.worker()
        with open_streams(server.port, "/api/v1/events", 500):
            started = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(timeout=30) == 0
            elapsed = time.monotonic() - started
        assert elapsed < 1.0 * slowdown()
        wait_until(lambda: not is_running(worker), timeout_s=30)


def test_an_address_for_other_machines_is_refused_without_a_token(
    tmp_path: Path, eddyline: tuple[str, ...]
) -> None:
    command = [*eddyline, "serve", "--out", str(tmp_path / "out"), "--host", "0.0.0.0"]  # noqa: S104 - refused
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "no valid token exists" in done.stderr
    assert "eddyline token create" in done.stderr
    assert "Traceback" not in done.stderr
