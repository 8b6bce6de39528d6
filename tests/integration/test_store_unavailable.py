"""A worker that starts while its media store is unavailable waits for it and logs that."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.ministack import Ministack
from tests.servers.network import NO_FAULTS, UNAVAILABLE, Proxy, proxy
from tests.waiting import wait_until

_WITHIN_S = 60.0


@pytest.fixture
def store_proxy(ministack: Ministack) -> Iterator[Proxy]:
    with proxy(f"127.0.0.1:{ministack.port}", random.Random(1)) as unavailable:
        unavailable.fault_rates = UNAVAILABLE
        yield unavailable


@pytest.fixture
def worker(store_proxy: Proxy, ministack: Ministack, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "eddyline", "worker", "--pool", "light"]
    argv += ["--store", f"s3://{ministack.bucket()}/media", "--ledger", str(tmp_path / "ledger.sqlite")]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    no_metadata = {"AWS_EC2_METADATA_DISABLED": "true"}
    environment = {**os.environ, **keys, **no_metadata, "AWS_ENDPOINT_URL_S3": store_proxy.url}
    argv += ["--work", str(tmp_path / "work")]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_for_event(event: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    def is_logged() -> bool:
        assert process.poll() is None, log.read_text()
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return any(line["event"] == event for line in lines)

    wait_until(is_logged, timeout_s=_WITHIN_S, message=log.read_text)


def test_work_starts_when_the_store_is_available_again(
    store_proxy: Proxy, worker: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    _wait_for_event("store unavailable", tmp_path / "log", worker)
    store_proxy.fault_rates = NO_FAULTS
    _wait_for_event("worker ready", tmp_path / "log", worker)


def test_a_stop_ends_the_wait_for_the_store(worker: subprocess.Popen[bytes], tmp_path: Path) -> None:
    _wait_for_event("store unavailable", tmp_path / "log", worker)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(_WITHIN_S) == 0, (tmp_path / "log").read_text()
