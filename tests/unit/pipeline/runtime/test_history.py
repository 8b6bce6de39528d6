"""Workers without a ledger get an asset's history from the coordinator, in the job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eddyline.graph.job import Done, Interrupted, Job, NewJob, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Publication
from eddyline.pipeline.runtime.history import History, add_history, history_from_spec, read_history


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """One job done after an interruption; the publish job is ready."""
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        chunk = NewJob(id="a.chunk", asset="a", kind="chunk", spec={})
        opened.submit(
            [chunk, NewJob(id="a.publish", asset="a", kind="publish", spec={}, dependencies=("a.chunk",))]
        )
        opened.register("w", "host", 1)
        for outcome in (Interrupted(), Done(result={})):
            (claim,) = opened.claim("w", pools=["cpu"], limit=1, lease_s=60)
            opened.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)])
        yield opened


def _job(ledger: Ledger, name: str) -> Job:
    job = ledger.job(name)
    assert job is not None
    return job


def test_a_job_that_publishes_contains_the_history_of_the_ledger(ledger: Ledger) -> None:
    publish, chunk = _job(ledger, "a.publish"), _job(ledger, "a.chunk")
    publication, unchanged = add_history(ledger)(
        [Publication(job=publish, base=1), Publication(job=chunk, base=2)]
    )
    assert json.loads(json.dumps(publication.job.spec)) == publication.job.spec
    assert history_from_spec(publication.job) == read_history(ledger)(publish)
    assert history_from_spec(publication.job).interruptions == 1
    assert history_from_spec(publication.job).started > 0
    assert unchanged == Publication(job=chunk, base=2)


def test_a_job_without_history_has_an_empty_one(ledger: Ledger) -> None:
    assert history_from_spec(_job(ledger, "a.publish")) == History()


@pytest.mark.parametrize(
    "value",
    [
        [],
        "x",
        {"redone_jobs": -1},
        {"redone_jobs": "1"},
        {"started": 1e300},
        {"started": []},
        {"interruptions": 1e9},
    ],
)
def test_an_invalid_history_in_a_message_is_ignored(ledger: Ledger, value: object) -> None:
    publish = _job(ledger, "a.publish")
    assert history_from_spec(replace(publish, spec={"history": value})) == History()
    known = {"redone_jobs": 1, "interruptions": 2, "started": 3, "unknown": []}
    assert history_from_spec(replace(publish, spec={"history": known})) == History(
        redone_jobs=1, interruptions=2, started=3.0
    )
