"""The parsers of the queue protocol accept a message or reject it with `WireError`."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.mutation import hostile, mutated, values
from tests.unit.graph.coordinator.test_wire import JOB
from tests.unit.graph.ledger_helpers import done, failed, interrupted, new

from eddyline.aws.sqs.message_body import decode_body, encode_body
from eddyline.aws.sqs.transport import parse_reports
from eddyline.core.name_rules import is_identifier, is_worker_name
from eddyline.graph.command import Command, CommandKind
from eddyline.graph.coordinator.field_rules import MAX_LEASE_S
from eddyline.graph.coordinator.wire import (
    WireError,
    command_from_json,
    command_to_json,
    publication_from_json,
    publication_to_json,
    report_from_json,
    report_to_json,
)
from eddyline.graph.job import Link, NewJob
from eddyline.graph.machine import MAX_VCPU, Machine, is_instance
from eddyline.graph.messages import (
    STRIDE,
    Heartbeat,
    JobProgress,
    JobResult,
    JobStarted,
    Publication,
    WorkerReport,
)

_TOKEN = "0123456789abcdef" * 2
_FIELDS: dict[str, Any] = {
    "job_id": "a-1",
    "fence": STRIDE + 1,
    "worker": "cpu@h:1",
    "at": 1.5,
    "token": _TOKEN,
}
_REPORTS: list[WorkerReport] = [
    Heartbeat(
        worker="cpu@h:1",
        host="h",
        pid=7,
        lease_s=90.0,
        at=1.0,
        holds=("a-1",),
        key=_TOKEN,
        progress=(JobProgress(job_id="a-1", fence=STRIDE + 1, fraction=0.5),),
    ),
    Heartbeat(
        worker="cpu@h:1",
        host="h",
        pid=7,
        lease_s=90.0,
        machine=Machine(pool="cpu", instance="i-0123456789abcdef0", lifecycle="spot", vcpu=4, slots=2),
    ),
    JobStarted(**_FIELDS),
    *(
        JobResult(**_FIELDS, outcome=outcome)
        for outcome in (
            done(new("a-2", "a-1"), Link(job_id="a-3", dependencies=("a-2",)), frames=[1, 2]),
            failed(),
            interrupted(),
        )
    ),
]
_REPORTS_JSON = [json.loads(json.dumps(report_to_json(report))) for report in _REPORTS]
_MESSAGES = [{"v": 1, "facts": _REPORTS_JSON}]
_PUBLICATIONS = [json.loads(json.dumps(publication_to_json(Publication(job=JOB, base=STRIDE, token=_TOKEN))))]
_COMMANDS = [
    command_to_json(Command(worker="cpu@h:1", kind=CommandKind.DRAIN, reason="enough")),
    command_to_json(
        Command(worker="cpu@h:1", kind=CommandKind.CANCEL, job_id="a-1", fence=STRIDE + 1, over=True)
    ),
]


@given(mutated(_REPORTS_JSON) | values())
def test_a_report_is_parsed_within_its_bounds_or_rejected(value: Any) -> None:
    try:
        report = report_from_json(value)
    except WireError:
        return
    assert is_worker_name(report.worker)
    assert math.isfinite(report.at)
    assert report.at >= 0
    if isinstance(report, Heartbeat):
        assert 0 <= report.lease_s <= MAX_LEASE_S
        assert all(map(is_identifier, report.holds or ()))
        assert is_instance(report.machine.instance)
        assert 1 <= (report.machine.vcpu or 1) <= MAX_VCPU
        return
    assert is_identifier(report.job_id)
    assert 0 <= report.fence < 1 << 63
    for each in getattr(getattr(report, "outcome", None), "spawn", ()):
        if isinstance(each, NewJob):
            assert all(map(is_identifier, (each.id, each.asset, each.kind, each.pool, *each.dependencies)))
            assert math.isfinite(each.weight)


@given(mutated(_PUBLICATIONS) | values())
def test_a_job_is_parsed_within_its_bounds_or_rejected(value: Any) -> None:
    try:
        publication = publication_from_json(value)
    except WireError:
        return
    job = publication.job
    assert all(map(is_identifier, (job.id, job.asset, job.kind, job.pool, *job.dependencies, *job.optional)))
    assert 0 <= publication.base < 1 << 63
    json.dumps(job.spec, allow_nan=False)


@given(mutated(_COMMANDS) | values())
def test_a_command_is_parsed_within_its_bounds_or_rejected(value: Any) -> None:
    try:
        command = command_from_json(value)
    except WireError:
        return
    assert is_worker_name(command.worker)
    assert command.job_id == "" or is_identifier(command.job_id)


@given(mutated(_MESSAGES) | mutated(_PUBLICATIONS) | hostile())
def test_a_received_message_is_parsed_or_rejected(value: Any) -> None:
    body = json.dumps(value)
    for text in (body, encoded_or(body, value)):
        try:
            found = parse_reports(text)
        except WireError:
            continue
        assert isinstance(found, tuple)


def encoded_or(body: str, value: Any) -> str:
    """The body as a worker encodes it, compressed if it is long; `body` if it cannot be encoded."""
    try:
        return encode_body(value)
    except (ValueError, RecursionError):
        return body


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: "z:" + data.hex()))
def test_an_invalid_body_is_rejected(text: str) -> None:
    try:
        decode_body(text)
    except WireError:
        return


def test_a_decompression_bomb_is_rejected() -> None:
    import base64
    import zlib

    bomb = "z:" + base64.b64encode(zlib.compress(b"[" + b"0," * (40 << 20) + b"0]", 9)).decode()
    assert len(bomb) < 256 * 1024
    with pytest.raises(WireError, match="too long"):
        parse_reports(bomb)
