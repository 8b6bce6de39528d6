"""Jobs, reports and commands survive a round trip; invalid messages raise `WireError`."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
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
from eddyline.graph.job import Done, Job, Link, Move, Outcome
from eddyline.graph.machine import Machine
from eddyline.graph.messages import (
    STRIDE,
    Heartbeat,
    JobProgress,
    JobResult,
    JobStarted,
    Publication,
    WorkerReport,
)
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
    Done(
        result={"a": [1]},
        output="k",
        spawn=(new("b", "a"), Link(job_id="c", dependencies=("b",)), Move(job_id="c", pool="gpu")),
    ),
    failed(),
    interrupted(),
]


def _round_trip(value: dict[str, Any]) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("kind", CommandKind)
def test_a_command_survives_a_round_trip(kind: CommandKind) -> None:
    command = Command(
        worker="cpu@host:1",
        kind=kind,
        job_id="a",
        fence=STRIDE * 9 + 1,
        over=True,
        reason="enough",
        deadline=1_800_000_000.25,
    )
    assert command_from_json(_round_trip(command_to_json(command))) == command


def test_a_drain_command_of_an_earlier_version_has_no_deadline() -> None:
    command = Command(worker="ada", kind=CommandKind.DRAIN)
    value = _round_trip(command_to_json(command))
    del value["deadline"]
    assert command_from_json(value) == command


@pytest.mark.parametrize(
    "invalid",
    [
        None,
        [],
        {},
        {"v": 2},
        {"kind": "dance"},
        {"kind": 3},
        {"worker": None},
        {"fence": -1},
        {"over": 1},
        {"deadline": -1},
        {"deadline": 1e300},
    ],
)
def test_an_invalid_command_is_rejected(invalid: Any) -> None:
    valid = command_to_json(Command(worker="ada", kind=CommandKind.DRAIN))
    with pytest.raises(WireError):
        command_from_json({**valid, **invalid} if invalid else invalid)


def test_a_publication_survives_a_round_trip() -> None:
    publication = Publication(job=JOB, base=7 * STRIDE)
    assert publication_from_json(_round_trip(publication_to_json(publication))) == publication


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
def test_a_result_survives_a_round_trip(outcome: Outcome) -> None:
    report = JobResult(job_id="a", fence=STRIDE * 9 + 1, worker="w", at=1.5, outcome=outcome)
    assert report_from_json(_round_trip(report_to_json(report))) == report


def test_the_cpu_time_and_progress_of_a_result_are_optional() -> None:
    report = JobResult(
        job_id="a", fence=STRIDE + 1, worker="w", at=1.5, outcome=interrupted(), cpu_s=2.5, fraction=0.25
    )
    value = _round_trip(report_to_json(report))
    assert report_from_json(value) == report
    del value["cpu_s"], value["fraction"]
    assert report_from_json(value) == replace(report, cpu_s=None, fraction=None)


def test_an_unstarted_job_of_an_earlier_version_is_read_as_interrupted() -> None:
    report = JobResult(job_id="a", fence=STRIDE + 1, worker="w", at=1.5, outcome=interrupted())
    value = _round_trip(report_to_json(report))
    assert report_from_json({**value, "outcome": {"is": "Unstarted"}}) == report


@pytest.mark.parametrize(
    "report",
    [
        Heartbeat(worker="w", host="h", pid=7, lease_s=90.0),
        Heartbeat(
            worker="w", host="h", pid=7, lease_s=90.0, machine=Machine(pool="cpu", lifecycle="spot", vcpu=4)
        ),
        Heartbeat(
            worker="w",
            host="h",
            pid=7,
            lease_s=90.0,
            progress=(JobProgress(job_id="a-1", fence=STRIDE + 1, fraction=0.25),),
        ),
        JobStarted(job_id="a", fence=1, worker="w", at=1.0),
    ],
)
def test_heartbeats_and_starts_survive_a_round_trip(report: WorkerReport) -> None:
    assert report_from_json(_round_trip(report_to_json(report))) == report


def test_a_heartbeat_of_an_earlier_version_has_no_machine() -> None:
    report = Heartbeat(worker="w", host="h", pid=7, lease_s=90.0)
    value = _round_trip(report_to_json(report))
    del value["machine"]
    assert report_from_json(value) == report
    assert report_from_json({**value, "machine": {"color": "red"}}) == report


def test_unknown_fields_of_a_newer_version_are_ignored() -> None:
    value = _round_trip(publication_to_json(Publication(job=JOB, base=0)))
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
def test_a_job_with_an_invalid_field_is_rejected_with_the_name_of_the_field(name: str, value: object) -> None:
    message = publication_to_json(Publication(job=JOB, base=0))
    message["job"][name] = value
    with pytest.raises(WireError, match=name):
        publication_from_json(message)


def test_a_missing_field_is_rejected() -> None:
    message = publication_to_json(Publication(job=JOB, base=0))
    del message["job"]["kind"]
    with pytest.raises(WireError, match="kind: missing"):
        publication_from_json(message)


def test_too_many_spawned_jobs_are_rejected() -> None:
    message = report_to_json(JobResult(job_id="a", fence=1, worker="w", at=1.0, outcome=done()))
    message["outcome"]["spawn"] = [{}] * 100_001
    with pytest.raises(WireError, match="spawn"):
        report_from_json(message)


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
def test_any_json_value_is_parsed_or_rejected(value: object) -> None:
    for parse in (report_from_json, publication_from_json):
        with contextlib.suppress(WireError):
            parse(value)
