"""Messages between coordinators and workers as JSON values: validated on receipt, never trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields
from typing import Any, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from eddyline.core.errors import FormatError
from eddyline.core.formatting import short_repr
from eddyline.core.name_rules import is_identifier
from eddyline.graph.command import Command, CommandKind
from eddyline.graph.coordinator.field_rules import (
    COMMAND_FIELD_TYPES,
    FIELD_TYPES,
    MACHINE_FIELD_TYPES,
    MAX_FENCE,
    MAX_HELD,
)
from eddyline.graph.job import Addition, Done, Failed, Interrupted, Job, Link, Move, NewJob, Outcome
from eddyline.graph.machine import Machine
from eddyline.graph.messages import Heartbeat, JobProgress, JobResult, JobStarted, Publication, WorkerReport

T = TypeVar("T")

_MAX_SPAWNED = 100_000
_VERSION = 1
# Fields whose keys in messages are earlier names, so that programs of both versions read each other.
_KEYS = {"pool": "cls", "dependencies": "needs"}


class WireError(FormatError):
    """A message that is malformed, or of an unsupported version."""

    default_remedy = "find out who else sends to this queue; unreadable messages are parked, not lost"


@dataclass(frozen=True, kw_only=True)
class _Envelope:
    base: int
    token: str = ""


def publication_to_json(publication: Publication) -> dict[str, Any]:
    """A publication with its whole job, as JSON."""
    return {
        "v": _VERSION,
        "base": publication.base,
        "token": publication.token,
        "job": _to_json(publication.job),
    }


def publication_from_json(value: object) -> Publication:
    """Parse a publication; raises `WireError`."""
    body = _versioned(value, "offer")
    job = _parse(Job, body.get("job"), "offer/job")
    envelope = _parse(_Envelope, body, "offer")
    return Publication(job=job, base=envelope.base, token=envelope.token)


def check_job_names(job: Job) -> None:
    """Check that a message can contain the names of this job; raises `WireError`."""
    for name in (job.id, job.asset, job.kind, job.pool, *job.dependencies, *job.optional):
        if not is_identifier(name):
            raise WireError(f"{short_repr(name)} is not a valid name in a message", path="job")


def command_to_json(command: Command) -> dict[str, Any]:
    """A command as JSON."""
    return {"v": _VERSION, **_to_json(command)}


def command_from_json(value: object) -> Command:
    """Parse a command; raises `WireError`."""
    command = _parse(Command, _versioned(value, "order"), "order")
    if command.kind is CommandKind.CANCEL and not command.job_id:
        raise WireError("the id of the job to cancel is missing", path="order/job_id")
    return command


def report_to_json(report: WorkerReport) -> dict[str, Any]:
    """A worker's report as JSON."""
    match report:
        case Heartbeat():
            body = {"fact": "beat", **_to_json(report), "machine": asdict(report.machine)}
            return body | {"progress": [[each.job_id, each.fence, each.fraction] for each in report.progress]}
        case JobStarted():
            return {"fact": "started", **_to_json(report)}
        case JobResult():
            return {"fact": "answered", **_to_json(report), "outcome": _outcome_to_json(report.outcome)}


def report_from_json(value: object) -> WorkerReport:
    """Parse a worker's report; raises `WireError`."""
    body = _object(value, "fact")
    match body.get("fact"):
        case "beat":
            machine = _parse(Machine, body.get("machine", {}), "beat/machine")
            progress = tuple(_progress(body.get("progress")))
            return _parse(Heartbeat, {**body, "machine": machine, "progress": progress}, "beat")
        case "started":
            return _parse(JobStarted, body, "started")
        case "answered":
            outcome = _outcome_from_json(body.get("outcome"))
            return _parse(JobResult, {**body, "outcome": outcome}, "answered")
        case other:
            raise WireError(f"unknown kind of report {short_repr(other)}", path="fact")


def _progress(value: object) -> Iterator[JobProgress]:
    """The valid entries of a heartbeat's progress: it is for display, so others cost no heartbeat."""
    if not isinstance(value, list) or len(value) > MAX_HELD:
        return
    for entry in value:
        match entry:
            case [str() as job_id, int() as fence, float() | int() as fraction] if (
                is_identifier(job_id) and 0 <= fence < MAX_FENCE and 0 <= fraction <= 1
            ):
                yield JobProgress(job_id=job_id, fence=int(fence), fraction=float(fraction))
            case _:
                pass


def _outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Done():
            spawn = [{"add": type(each).__name__, **_to_json(each)} for each in outcome.spawn]
            return {"is": "Done", **_to_json(outcome), "spawn": spawn}
        case _:
            return {"is": type(outcome).__name__, **_to_json(outcome)}


def _outcome_from_json(value: object) -> Outcome:
    body = _object(value, "outcome")
    match body.get("is"):
        case "Done":
            spawn = body.get("spawn")
            if not isinstance(spawn, list) or len(spawn) > _MAX_SPAWNED:
                raise WireError(f"not a list of at most {_MAX_SPAWNED} jobs", path="outcome/spawn")
            return _parse(Done, {**body, "spawn": tuple(map(_addition, spawn))}, "outcome")
        case "Failed":
            return _parse(Failed, body, "outcome")
        case "Interrupted" | "Unstarted":  # the latter from programs of earlier versions
            return Interrupted()
        case other:
            raise WireError(f"unknown kind of outcome {short_repr(other)}", path="outcome")


def _addition(value: object) -> Addition:
    body = _object(value, "spawn")
    kinds: Mapping[object, type[Addition]] = {"Link": Link, "Move": Move}
    return _parse(kinds.get(body.get("add"), NewJob), body, "spawn")


def _to_json(value: object) -> dict[str, Any]:
    return {key: getattr(value, name) for name, key in _MESSAGE_FIELDS[type(value)]}


def _object(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WireError("not a JSON object", path=path)
    return value


def _versioned(value: object, path: str) -> dict[str, Any]:
    body = _object(value, path)
    if body.get("v") != _VERSION:
        raise WireError(f"message version {short_repr(body.get('v'))}, not {_VERSION}", path=path)
    return body


def _parse(kind: type[T], value: object, path: str) -> T:
    """A dataclass from a JSON object; unknown keys are ignored, missing ones have their defaults."""
    try:
        found = _MODELS[kind].model_validate(_object(value, path))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = "/".join([path, *(str(part) for part in first["loc"][:1])])
        if first["type"] == "missing":
            raise WireError("missing", path=where) from None
        raise WireError(f"{short_repr(first['input'])}: {first['msg']}", path=where) from None
    return kind(**{name: getattr(found, name) for name in found.model_fields_set})


def _model(
    kind: type[Any], types: Mapping[str, Any] = FIELD_TYPES, keys: Mapping[str, str] = _KEYS
) -> type[BaseModel]:
    """The pydantic model of a dataclass. Optional fields need a default here, but it is not used."""
    definitions: dict[str, Any] = {
        field.name: (
            types[field.name],
            pydantic.Field(... if _is_required(field) else None, alias=keys.get(field.name, field.name)),
        )
        for field in fields(kind)
    }
    return create_model(kind.__name__, __config__=ConfigDict(strict=True), **definitions)


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


# By dataclass, the names of its fields, each with its key in messages.
_MESSAGE_FIELDS: Mapping[type[Any], tuple[tuple[str, str], ...]] = {
    kind: tuple((field.name, _KEYS.get(field.name, field.name)) for field in fields(kind))
    for kind in (
        Job,
        NewJob,
        Link,
        Move,
        Done,
        Failed,
        Interrupted,
        Heartbeat,
        JobStarted,
        JobResult,
        Command,
    )
}

_MODELS: Mapping[type[Any], type[BaseModel]] = {
    kind: _model(kind)
    for kind in (Job, NewJob, Link, Move, Done, Failed, Heartbeat, JobStarted, JobResult, _Envelope)
} | {Command: _model(Command, COMMAND_FIELD_TYPES), Machine: _model(Machine, MACHINE_FIELD_TYPES, {})}
