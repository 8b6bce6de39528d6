"""`eddyline ingest` in real processes on real S3 and SQS: an object becomes one asset despite kills."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.aws_site import REGION
from tests.integration.source_bucket import (
    SourceBucket,
    bucket_with_eventbridge,
    bucket_with_s3_notifications,
    bucket_with_topic,
    client,
)
from tests.servers.ministack import Ministack
from tests.unit.graph.conftest import postgres
from tests.unit.graph.postgres_server import empty_database
from tests.waiting import wait_until

from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.demo_clip import make_clip

__all__ = ["postgres"]

PROFILE = "fast"
WITHIN_S = 90.0
KILLS = 8


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


class IngestProcesses:
    """Ingest processes on one queue, ledger and store."""

    def __init__(self, bucket: SourceBucket, folder: Path, *options: str, ledger: str = "") -> None:
        self.ledger = ledger or str(folder / "ledger.db")
        self._log = folder / "log"
        self._command = (
            *(sys.executable, "-m", "eddyline", "ingest", "--events", bucket.event_queue.name),
            *("--store", f"s3://{bucket.bucket}", "--ledger", self.ledger, "--profile", PROFILE),
            *("--lease", "2", "--json", *options),
        )
        self._environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": bucket.endpoint,
            "AWS_REGION": REGION,
        }

    def start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)

    def log_text(self) -> str:
        return self._log.read_text()

    def log_events(self, event: str) -> list[dict[str, str]]:
        lines = (line for line in self.log_text().splitlines() if line.startswith("{") and line.endswith("}"))
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def metrics(self) -> dict[str, float]:
        """The exposed metrics, by name and labels."""
        port = self._command[self._command.index("--metrics") + 1]
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {
            " ".join([each.name, *(f"{name}={value}" for name, value in each.labels.items())]): each.value
            for each in samples
        }

    def inspected(self) -> list[str]:
        """The names of all sources with an inspect job in the ledger."""
        with Ledger.open(self.ledger) as ledger:
            return sorted(job.spec["name"] for job in ledger.jobs() if job.kind == "inspect")

    def assets(self) -> list[str]:
        with Ledger.open(self.ledger) as ledger:
            return sorted({job.asset for job in ledger.jobs()})


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _send(bucket: SourceBucket, *bodies: str) -> None:
    sqs = client("sqs", bucket.endpoint)
    url = sqs.get_queue_url(QueueName=bucket.event_queue.name)["QueueUrl"]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)


def _event(bucket: SourceBucket, key: str, tag: str) -> str:
    """An event in the format of EventBridge."""
    item = {"key": key, "size": 1, "etag": tag, "sequencer": "00A1"}
    detail = {"bucket": {"name": bucket.bucket}, "object": item}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("create_bucket", "options"),
    [
        (bucket_with_eventbridge, ()),
        (bucket_with_s3_notifications, ("--queues", "jobs")),
        (bucket_with_topic, ()),
    ],
)
def test_uploads_become_assets_and_other_messages_are_settled(
    create_bucket: Callable[[str], SourceBucket],
    options: tuple[str, ...],
    ministack: Ministack,
    tmp_path: Path,
) -> None:
    bucket = create_bucket(ministack.url)
    ingest = IngestProcesses(bucket, tmp_path, *options, "--metrics", str(_free_port()))
    bucket.put("cards/a.mp4", b"a" * 1000)
    old = bucket.put("cards/b.mp4", b"old" * 1000)
    new = bucket.put("cards/b.mp4", b"new" * 1000)
    gone = bucket.put("cards/gone.mp4", b"gone")
    bucket.delete("cards/gone.mp4")
    bucket.put("cards/notes.txt", b"text")
    bucket.put("assets/0123/1080p.mp4", b"a result")
    repeated = [_event(bucket, "cards/b.mp4", old), _event(bucket, "cards/b.mp4", new)] * 3
    _send(bucket, *repeated, _event(bucket, "cards/gone.mp4", gone), "garbage", '{"Event": "s3:TestEvent"}')
    process = ingest.start()
    try:
        queues = bucket.queues()
        wait_until(
            lambda: len(ingest.log_events("parked")) == 1 and queues.depth(bucket.event_queue.name) == 0,
            timeout_s=WITHIN_S,
            message=lambda: ingest.log_text()[-3000:],
        )
        _check_metrics(ingest)
        assert ingest.inspected() == ["a.mp4", "b.mp4"]
        assert [body for body, _ in bucket.parked()] == ["garbage"]
        reasons = {event["reason"] for event in ingest.log_events("ignored")}
        for text in ("overwritten", "gone", "sidecar file", "output of Eddyline", "test notification"):
            assert any(text in reason for reason in reasons), reasons
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 9.0
    finally:
        process.kill()
        process.wait()


def _check_metrics(ingest: IngestProcesses) -> None:
    """The metrics of the process equal the outcomes that it logged."""
    metrics = ingest.metrics()
    submitted, ignored = len(ingest.log_events("submitted")), len(ingest.log_events("ignored"))
    assert metrics["eddyline_ingest_objects_total outcome=submitted"] == submitted
    assert metrics["eddyline_ingest_objects_total outcome=ignored"] == ignored
    assert metrics["eddyline_ingest_parked_total cause=malformed"] == 1
    assert metrics["eddyline_ingest_messages_ended_total end=parked"] == 1
    assert metrics["eddyline_ingest_messages_total"] == submitted + ignored + 1
    assert metrics["eddyline_ingest_delay_seconds_count"] == submitted
    assert metrics["eddyline_ingest_oldest_message_seconds"] == 0


@pytest.mark.slow
def test_killed_ingests_neither_lose_nor_duplicate_assets(
    ministack: Ministack, postgres: str, tmp_path: Path
) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    rng = random.Random(11)
    keys = [f"cards/GX01{number:04}.MP4" for number in range(40)]
    tags = {key: bucket.put(key, rng.randbytes(2000)) for key in keys}
    ingest = IngestProcesses(bucket, tmp_path, ledger=empty_database(postgres))
    numbers = itertools.count()
    processes = [ingest.start(), ingest.start()]
    try:
        for _ in range(KILLS):
            key = f"cards/late-{next(numbers)}.mp4"
            tags[key] = bucket.put(key, rng.randbytes(2000))
            duplicates = [_event(bucket, key, tag) for key, tag in tags.items()]
            _send(bucket, *rng.sample(duplicates, 5), f"garbage {key}")
            time.sleep(rng.uniform(0.2, 3.0))
            victim = rng.randrange(2)
            assert processes[victim].poll() is None, ingest.log_text()[-3000:]
            processes[victim].kill()
            processes[victim].wait()
            processes[victim] = ingest.start()
        queues = bucket.queues()
        wait_until(
            lambda: queues.depth(bucket.event_queue.name) == 0,
            timeout_s=WITHIN_S,
            message=lambda: ingest.log_text()[-3000:],
        )
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert ingest.inspected() == sorted(Path(key).name for key in tags)
    # A message is parked twice if the process that parked it was killed before it deleted the original.
    assert {body for body, _ in bucket.parked()} == {f"garbage cards/late-{n}.mp4" for n in range(KILLS)}


def test_a_process_without_permissions_ends_with_a_remedy(ministack: Ministack, tmp_path: Path) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    ingest = IngestProcesses(bucket, tmp_path, "--store", "s3://there-is-no-such-bucket")
    assert ingest.start().wait(60) == 2
    assert "the bucket does not exist" in ingest.log_text()


def test_sigterm_ends_an_ingest_within_two_seconds_during_a_server_hang(
    ministack: Ministack, tmp_path: Path
) -> None:
    bucket = bucket_with_eventbridge(ministack.url)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        bucket.endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = IngestProcesses(bucket, tmp_path).start()
        connection, _ = silent.accept()  # it waits for the response
        with connection:
            time.sleep(0.5)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert time.monotonic() - began < 9.0


@pytest.mark.slow
def test_separate_chapters_become_one_recording_despite_killed_processes(
    ministack: Ministack, tmp_path: Path
) -> None:
    bucket = bucket_with_s3_notifications(ministack.url)
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, width=160, height=90).read_bytes()
    keys = [f"cards/GX0{number}0042.MP4" for number in (3, 1, 2)]
    tags = {key: bucket.put(key, clip) for key in keys}
    (tmp_path / "rules.yaml").write_text("default: {chapters_wait_s: 6}")
    ingest = IngestProcesses(bucket, tmp_path, "--rules", str(tmp_path / "rules.yaml"))
    victim, other = ingest.start(), ingest.start()
    try:
        # On a slow machine the wait for chapters may be over already, and nothing is postponed.
        wait_until(
            lambda: bool(ingest.log_events("postponed") or ingest.log_events("submitted")),
            timeout_s=WITHIN_S,
            message=lambda: ingest.log_text()[-3000:],
        )
        victim.kill()
        victim.wait()
        _send(bucket, *(_event(bucket, key, tags[key]) for key in keys * 2))
        queues = bucket.queues()
        wait_until(
            lambda: queues.depth(bucket.event_queue.name) == 0,
            timeout_s=WITHIN_S,
            message=lambda: ingest.log_text()[-3000:],
        )
    finally:
        for process in (victim, other):
            process.kill()
            process.wait()
    assert ingest.inspected() == ["GX010042.MP4"]
    assert {event["asset"] for event in ingest.log_events("submitted")} == {ingest.assets()[0]}
    record = bucket.body(f".eddyline/sources/{ingest.assets()[0]}.json")
    assert [Path(each["address"]).name for each in json.loads(record)["chapters"]] == [
        f"GX0{number}0042.MP4" for number in (1, 2, 3)
    ]
    assert bucket.parked() == []
