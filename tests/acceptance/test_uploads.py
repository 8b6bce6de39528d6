"""From an upload to S3 to a published asset, by separate processes that share S3, SQS and a ledger."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from tests.acceptance.clips import noisy
from tests.acceptance.machines import Machines, end
from tests.integration.source_bucket import bucket_with_eventbridge
from tests.servers.ministack import Ministack
from tests.waiting import wait_until

from eddyline.store.open_store import open_store
from eddyline.store.store import Store

RULES = """
rules:
- when: {key: "users/*/**", metadata: {purpose: "review*"}}
  profile: small.yaml
  owner: "{1}"
  urgency: bulk
  deadline_s: 3600
default: {ignore: not for us}
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_upload_is_published_by_its_rule_although_processes_are_killed(
    eddyline: tuple[str, ...],
    ministack: Ministack,
    small_profile: Path,
    ffmpeg: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bucket = bucket_with_eventbridge(ministack.url)
    (tmp_path / "small.yaml").write_bytes(small_profile.read_bytes())
    (tmp_path / "rules.yaml").write_text(RULES)
    shared = {
        # The media store is in the source bucket: its results must not be ingested as sources.
        "EDDYLINE_STORE": f"s3://{bucket.bucket}/live",
        "EDDYLINE_LEDGER": str(tmp_path / "ledger.db"),
        "AWS_ENDPOINT_URL": ministack.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    store = open_store(shared["EDDYLINE_STORE"], ministack.settings)
    queues = bucket.queues()
    with Machines(command=eddyline, folder=tmp_path, shared=shared) as machines:
        ingest = (
            *("ingest", "--events", bucket.event_queue.name, "--rules", str(tmp_path / "rules.yaml")),
            *("--lease", "2", "--json"),
        )
        worker = ("worker", "--pool", "cpu", "--slots", "1", "--lease", "3")
        machines.start("worker-1", *worker)
        machines.start("ingest-1", *ingest)
        for number, name in enumerate(("ann", "bob")):
            clip = noisy(ffmpeg, tmp_path / f"{name}.mp4", seconds=4 + number, size="320x180")
            bucket.put(f"users/{name}/GX010001.MP4", clip.read_bytes(), Metadata={"purpose": "review 1"})
            bucket.put(f"elsewhere/{name}.mp4", clip.read_bytes())
        wait_until(lambda: machines.lines("ingest-1"), timeout_s=60, message=machines.logs)
        machines.processes["ingest-1"].kill()
        machines.start("ingest-2", *ingest)
        wait_until(lambda: _done(machines, "worker-1"), timeout_s=120, message=machines.logs)
        machines.processes["worker-1"].kill()
        machines.start("worker-2", *worker)
        wait_until(lambda: len(_published(store)) == 2, timeout_s=240, message=machines.logs)
        # The events of all objects uploaded meanwhile were processed, too.
        wait_until(lambda: queues.depth(bucket.event_queue.name) == 0, timeout_s=60, message=machines.logs)
        listed = json.loads(machines.run("jobs", "list", "--kind", "inspect", "--json"))
        assert len(listed) == 2
        assert len(_published(store)) == 2
        owners = {json.loads(machines.run("jobs", "show", job["id"], "--json"))["owner"] for job in listed}
        assert owners == {"ann", "bob"}
        assert bucket.parked() == []
        code, seconds = end(machines.processes["ingest-2"], signal.SIGTERM, 10)
        assert (code, seconds < 2.0) == (0, True)


def _published(store: Store) -> list[str]:
    return [key for key in store.list("assets") if key.endswith("/manifest.json")]


def _done(machines: Machines, name: str) -> bool:
    return any(line["event"] == "job done" for line in machines.lines(name))
