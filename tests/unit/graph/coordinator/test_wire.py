"""Jobs and answers come through as they were; anything else is refused by our own error."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.graph.ledger_helpers import done, failed, interrupted, new

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.coordinator.wire import (
    WireError,
    command_from_json,
    command_to_json,
    publication_from_json,
    publication_to_json,
    report_from_json,
    report_to_json,
)
from eddyline.graph.job import Done, Job, Link, Outcome
from eddyline.graph.messages import STRIDE, Heartbeat, JobResult, JobStarted, Publication, WorkerReport
from eddyline.graph.states import State

JOB = Job(
    id="a-1",
    asset="a",
    kind="chunk",
    pool="cpu",
    priority=3,
    spec={"frames": [0, 48], "x": None},
    dependencies=("a-0",),
    optional=(),
    weight=2.5,
    owner="ä",
    max_attempts=None,
    state=State.READY,
    unmet=0,
    attempt=1,
    starts=2,
    interruptions=1,
    losses=0,
    fence=STRIDE + 2,
    lease_owner=None,
    lease_deadline=None,
    ready_at=1.5,
    result=None,
    output=None,
    error={"error": "E"},
    started=None,
    finished=None,
)
OUTCOMES: list[Outcome] = [
    Done(result={"a": [1]}, output="k", spawn=(new("b", "a"), Link(job_id="c", dependencies=("b",)))),
    failed(),
    interrupted(),
]


def _through(value: dict[str, Any]) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("kind", CommandKind)
def test_an_order_comes_through_whole(kind: CommandKind) -> None:
    order = Command(
        worker="cpu@host:1", kind=kind, job_id="a", fence=STRIDE * 9 + 1, over=True, reason="enough"
    )
    assert command_from_json(_through(command_to_json(order))) == order


@pytest.mark.parametrize(
    "wrong",
    [None, [], {}, {"v": 2}, {"kind": "dance"}, {"kind": 3}, {"worker": None}, {"fence": -1}, {"over": 1}],
)
def test_what_is_no_order_is_refused(wrong: Any) -> None:
    good = command_to_json(Command(worker="ada", kind=CommandKind.DRAIN))
    with pytest.raises(WireError):
        command_from_json({**good, **wrong} if wrong else wrong)


def test_a_publication_comes_through_whole() -> None:
    offer = Publication(job=JOB, base=7 * STRIDE)
    assert publication_from_json(_through(publication_to_json(offer))) == offer


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
def test_an_answer_comes_through_whole(outcome: Outcome) -> None:
    fact = JobResult(job_id="a", fence=STRIDE * 9 + 1, worker="w", at=1.5, outcome=outcome)
    assert report_from_json(_through(report_to_json(fact))) == fact


def test_an_unstarted_job_of_an_earlier_program_is_read_as_interrupted() -> None:
    fact = JobResult(job_id="a", fence=STRIDE + 1, worker="w", at=1.5, outcome=interrupted())
    value = _through(report_to_json(fact))
    assert report_from_json({**value, "outcome": {"is": "Unstarted"}}) == fact


@pytest.mark.parametrize(
    "fact",
    [
        Heartbeat(worker="w", host="h", pid=7, lease_s=90.0),
        JobStarted(job_id="a", fence=1, worker="w", at=1.0),
    ],
)
def test_beats_and_starts_come_through(fact: WorkerReport) -> None:
    assert report_from_json(_through(report_to_json(fact))) == fact


def test_a_message_of_a_newer_program_with_more_fields_is_understood() -> None:
    value = _through(publication_to_json(Publication(job=JOB, base=0)))
    value["job"]["colour"] = "red"
    assert publication_from_json(value).job == JOB


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 7),
        ("id", "a\0b"),
        ("id", "\ud800"),
        ("spec", []),
        ("needs", "a"),
        ("needs", [1]),
        ("state", "asleep"),
        ("priority", 1.5),
        ("priority", True),
        ("priority", 1 << 40),
        ("fence", -1),
        ("fence", 1 << 62),
        ("weight", "much"),
        ("weight", float("inf")),
        ("weight", float("nan")),
        ("max_attempts", "none"),
    ],
)
def test_a_job_with_an_odd_field_is_refused_with_its_place(name: str, value: object) -> None:
    message = publication_to_json(Publication(job=JOB, base=0))
    message["job"][name] = value
    with pytest.raises(WireError, match=name):
        publication_from_json(message)


def test_a_missing_field_is_refused() -> None:
    message = publication_to_json(Publication(job=JOB, base=0))
    del message["job"]["kind"]
    with pytest.raises(WireError, match="kind: missing"):
        publication_from_json(message)


def test_an_absurd_number_of_spawned_jobs_is_refused() -> None:
    said = report_to_json(JobResult(job_id="a", fence=1, worker="w", at=1.0, outcome=done()))
    said["outcome"]["spawn"] = [{}] * 100_001
    with pytest.raises(WireError, match="spawn"):
        report_from_json(said)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["v", "base", "job", "fact", "outcome", "is", "spawn", "id", "fence"]),
            inner | st.sampled_from(["beat", "started", "answered", "Done", "Failed", 1]),
            max_size=5,
        )
    ),
    max_leaves=10,
)


@given(_json)
def test_whatever_comes_is_understood_or_refused(value: object) -> None:
    for read in (report_from_json, publication_from_json):
        with contextlib.suppress(WireError):
            read(value)
