"""The jobs of an output directory are listed, shown, retried and cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from eddyline import app
from eddyline.cli.main import build
from eddyline.core.clock import SystemClock
from eddyline.core.errors import UsageError
from eddyline.graph.job import Failed, NewJob, Settlement
from eddyline.graph.ledger.ledger import Ledger

EVIDENCE = {
    "error": "ToolError", "message": "ffmpeg failed with status 1: \x1b[2Jboom", "remedy": "copy it again",
    "argv": ["ffmpeg", "-i", "file:a b.mp4"], "status": 1, "stderr": "first line\nsecond line\n",
}  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """One dead job, a job cancelled because of it, and a ready job."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path, clock=SystemClock()) as opened:
        opened.submit(
            [
                NewJob(id="aa.inspect", asset="aa", kind="inspect", spec={"n": 1}),
                NewJob(id="aa.plan", asset="aa", kind="plan", spec={}, dependencies=("aa.inspect",)),
            ]
        )
        (claim,) = opened.claim("w", pools=["cpu"], limit=1, lease_s=30)
        outcome = Failed(error=EVIDENCE, retry=False)
        opened.settle([Settlement(job_id="aa.inspect", fence=claim.fence, outcome=outcome)])
        opened.submit([NewJob(id="bb.inspect", asset="bb", kind="inspect", spec={})])

        def open_ledger(out: Path) -> Ledger:
            if out != tmp_path:
                raise UsageError("no state here")
            return Ledger.open(path, clock=SystemClock())

        monkeypatch.setattr(app, "open_ledger", open_ledger)
        yield opened


def call(out: Path, *arguments: str) -> Result:
    argv = ["jobs", *arguments, "--out", str(out)]
    return CliRunner(env={"COLUMNS": "200"}).invoke(build(argv), argv)


def call_json(out: Path, *arguments: str) -> Any:
    result = call(out, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.usefixtures("ledger")
def test_failed_jobs_are_listed_first_with_their_reason(tmp_path: Path) -> None:
    lines = call(tmp_path, "list").stdout.splitlines()
    assert lines[1].startswith("aa.inspect")
    assert "dead" in lines[1]
    assert "ffmpeg failed with status 1: \\x1b[2Jboom" in lines[1]
    assert lines[-1] == "1 dead, 1 ready, 1 cancelled"


@pytest.mark.usefixtures("ledger")
def test_jobs_are_filtered_by_asset_state_and_kind(tmp_path: Path) -> None:
    assert [job["id"] for job in call_json(tmp_path, "list", "--asset", "bb")] == ["bb.inspect"]
    assert [job["id"] for job in call_json(tmp_path, "list", "--state", "dead")] == ["aa.inspect"]
    assert [job["id"] for job in call_json(tmp_path, "list", "--kind", "plan")] == ["aa.plan"]
    assert call_json(tmp_path, "list", "--kind", "nothing") == []


@pytest.mark.usefixtures("ledger")
def test_a_job_is_shown_with_the_evidence_of_its_failure(tmp_path: Path) -> None:
    shown = call(tmp_path, "show", "aa.i").stdout
    for part in ("argv: ffmpeg -i 'file:a b.mp4'", "    second line", "remedy: copy it again", "attempt: 1"):
        assert part in shown
    assert "\x1b" not in shown
    assert call_json(tmp_path, "show", "aa.inspect")["error"]["status"] == 1


@pytest.mark.usefixtures("ledger")
def test_the_json_output_keeps_the_keys_that_programs_read(tmp_path: Path) -> None:
    listed = {job["id"]: job for job in call_json(tmp_path, "list")}["aa.plan"]
    shown = call_json(tmp_path, "show", "aa.plan")
    assert (listed["cls"], listed["needs"]) == ("cpu", ["aa.inspect"])
    assert (shown["cls"], shown["needs"]) == ("cpu", ["aa.inspect"])
    assert not {"pool", "dependencies"} & {*listed, *shown}


@pytest.mark.usefixtures("ledger")
def test_an_ambiguous_job_prefix_is_a_usage_error(tmp_path: Path) -> None:
    result = call(tmp_path, "show", "aa")
    assert isinstance(result.exception, UsageError)
    assert "aa.inspect, aa.plan" in str(result.exception)


@pytest.mark.usefixtures("ledger")
def test_an_unknown_job_is_a_usage_error(tmp_path: Path) -> None:
    assert isinstance(call(tmp_path, "show", "zz").exception, UsageError)


def test_a_retry_reopens_the_dependent_jobs(tmp_path: Path, ledger: Ledger) -> None:
    assert set(call_json(tmp_path, "retry", "aa.inspect")["retried"]) >= {"aa.inspect"}
    states = {job.id: str(job.state) for job in ledger.jobs()}
    assert states == {"aa.inspect": "ready", "aa.plan": "waiting", "bb.inspect": "ready"}


def test_all_dead_jobs_can_be_retried_together(tmp_path: Path, ledger: Ledger) -> None:
    call(tmp_path, "retry", "--all")
    assert {str(job.state) for job in ledger.jobs()} == {"ready", "waiting"}
    assert "no jobs retried" in call(tmp_path, "retry", "--all").stdout


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("arguments", [["retry"], ["retry", "--all", "aa.inspect"]])
def test_a_retry_needs_jobs_or_all(tmp_path: Path, arguments: list[str]) -> None:
    assert isinstance(call(tmp_path, *arguments).exception, UsageError)


def test_all_jobs_of_an_asset_are_cancelled_by_its_id(tmp_path: Path, ledger: Ledger) -> None:
    preview = tmp_path / "assets" / "bb" / "stream" / "preview.m3u8"
    preview.parent.mkdir(parents=True)
    preview.touch()
    assert call_json(tmp_path, "cancel", "bb") == {"cancelled": ["bb.inspect"]}
    assert not preview.parent.exists()
    job = ledger.job("bb.inspect")
    assert job is not None
    assert job.state == "cancelled"


def test_a_directory_without_a_run_is_a_usage_error(tmp_path: Path) -> None:
    result = call(tmp_path / "nothing", "list")
    assert isinstance(result.exception, UsageError)


def test_waiting_for_a_worker_ends_with_its_lease(ledger: Ledger, tmp_path: Path) -> None:
    ledger.register("killed", "here", 1, lease_s=0.5)
    result = call(tmp_path, "drain", "killed", "--wait")
    assert result.exit_code == 0, result.output
    assert "stopped sending heartbeats" in result.output


@pytest.fixture
def many_jobs(tmp_path: Path, ledger: Ledger) -> Path:
    ledger.submit([NewJob(id=f"cc.chunk-{n:04d}", asset="cc", kind="chunk", spec={}) for n in range(1200)])
    return tmp_path


def test_a_long_list_stops_at_its_limit_and_counts_the_rest(many_jobs: Path) -> None:
    lines = call(many_jobs, "list").stdout.splitlines()
    assert len([line for line in lines if line.startswith(("aa.", "bb.", "cc."))]) == 100
    assert "1,103 more jobs; to list them, pass --limit, --state, --asset or --kind" in lines[-1]


def test_every_job_is_listed_as_json_and_without_a_limit(many_jobs: Path) -> None:
    listed = [job["id"] for job in call_json(many_jobs, "list")]
    assert len(listed) == len(set(listed)) == 1203
    assert len(call_json(many_jobs, "list", "--limit", "7", "--kind", "chunk")) == 7
    assert (
        len([line for line in call(many_jobs, "list", "--limit", "0").stdout.splitlines() if "cc." in line])
        == 1200
    )
