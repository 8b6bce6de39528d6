"""Jobs and answers as JSON values, for transports that carry text: parsed strictly, never trusted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from eddyline.core.errors import FormatError
from eddyline.core.formatting import short_repr
from eddyline.core.name_rules import is_identifier
from eddyline.graph.command import Command, CommandKind
from eddyline.graph.coordinator.field_rules import RULES, Rule
from eddyline.graph.job import (
    Addition,
    Done,
    Failed,
    Interrupted,
    Job,
    Link,
    NewJob,
    Outcome,
)
from eddyline.graph.messages import STRIDE, Heartbeat, JobResult, JobStarted, Publication, WorkerReport
from eddyline.graph.states import State

T = TypeVar("T")

_MOST_SPAWNED = 100_000
_HUGE = 1e300
_MOST_CHARACTERS = 2000  # of a name, a key or a reason
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Fields whose keys in messages are earlier names, so that programs of both versions read each other.
_KEYS = {"pool": "cls", "dependencies": "needs"}
_LONG = frozenset({"fence", "base"})  # integers of 64 bits; all others have 32


class WireError(FormatError):
    """A message that is not one of ours, or of a version that says things otherwise."""

    default_remedy = "see who else sends to this queue; messages that cannot be read are parked, not lost"


@dataclass(frozen=True, kw_only=True)
class _Base:
    base: int
    token: str = ""


def publication_to_json(offer: Publication) -> dict[str, Any]:
    """A publication, with all of its job."""
    return {"v": 1, "base": offer.base, "token": offer.token, "job": _flat(offer.job)}


def publication_from_json(value: object) -> Publication:
    """A publication from JSON; raises `WireError`."""
    body = _object(value, "offer")
    if body.get("v") != 1:
        raise WireError(f"a message of version {short_repr(body.get('v'))}, not 1", path="offer")
    job = _build(Job, body.get("job"), "offer/job")
    found = _build(_Base, body, "offer")
    return Publication(job=job, base=found.base, token=found.token)


def check_job_names(job: Job) -> None:
    """See that a message can carry the names of this job; raises `WireError`."""
    for name in (job.id, job.asset, job.kind, job.pool, *job.dependencies, *job.optional):
        if not is_identifier(name):
            raise WireError(f"{short_repr(name)} is not a name that a message may carry", path="job")


def command_to_json(order: Command) -> dict[str, Any]:
    """What people want of a worker."""
    return {"v": 1, **_flat(order)}


def command_from_json(value: object) -> Command:
    """What people want of a worker, from JSON; raises `WireError`."""
    body = _object(value, "order")
    if body.get("v") != 1:
        raise WireError(f"a message of version {short_repr(body.get('v'))}, not 1", path="order")
    order = _build(Command, body, "order")
    if order.kind is CommandKind.CANCEL and not order.job_id:
        raise WireError("a job to give up without its id", path="order/job_id")
    return order


def report_to_json(fact: WorkerReport) -> dict[str, Any]:
    """What a worker says."""
    match fact:
        case Heartbeat():
            return {"fact": "beat", **_flat(fact)}
        case JobStarted():
            return {"fact": "started", **_flat(fact)}
        case JobResult():
            return {"fact": "answered", **_flat(fact), "outcome": _outcome_to_json(fact.outcome)}


def report_from_json(value: object) -> WorkerReport:
    """What a worker says, from JSON; raises `WireError`."""
    body = _object(value, "fact")
    match body.get("fact"):
        case "beat":
            return _build(Heartbeat, body, "beat")
        case "started":
            return _build(JobStarted, body, "started")
        case "answered":
            outcome = _outcome_from_json(body.get("outcome"))
            return _build(JobResult, {**body, "outcome": outcome}, "answered")
        case other:
            raise WireError(f"a fact of unknown kind {short_repr(other)}", path="fact")


def _outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Done():
            spawn = [{"add": type(each).__name__, **_flat(each)} for each in outcome.spawn]
            return {"is": "Done", **_flat(outcome), "spawn": spawn}
        case _:
            return {"is": type(outcome).__name__, **_flat(outcome)}


def _outcome_from_json(value: object) -> Outcome:
    body = _object(value, "outcome")
    match body.get("is"):
        case "Done":
            spawn = body.get("spawn")
            if not isinstance(spawn, list) or len(spawn) > _MOST_SPAWNED:
                raise WireError("no list of jobs", path="outcome/spawn")
            return _build(Done, {**body, "spawn": [_addition(each) for each in spawn]}, "outcome")
        case "Failed":
            return _build(Failed, body, "outcome")
        case "Interrupted" | "Unstarted":  # the latter from programs of earlier versions
            return Interrupted()
        case other:
            raise WireError(f"an outcome of unknown kind {short_repr(other)}", path="outcome")


def _addition(value: object) -> Addition:
    body = _object(value, "spawn")
    if body.get("add") == "Link":
        return _build(Link, body, "spawn")
    return _build(NewJob, body, "spawn")


def _flat(value: object) -> dict[str, Any]:
    return {_KEYS.get(field.name, field.name): getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]


def _object(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WireError("not a JSON object", path=path)
    return value


def _build(kind: type[T], value: object, path: str) -> T:
    """A dataclass from a JSON object: every field checked, unknown keys left out, defaults used."""
    body = _object(value, path)
    given: dict[str, Any] = {}
    for field in _FIELDS.get(kind) or _look_up(kind):
        if field.key in body:
            given[field.name] = field.checked(body[field.key], path)
        elif field.required:
            raise WireError(f"no {field.key}", path=path)
    return kind(**given)


@dataclass(frozen=True, slots=True)
class _Field:
    """What a field of a message must be: one of its declared types, and within its rule."""

    name: str
    key: str
    required: bool
    declared: str
    types: tuple[tuple[Callable[[object], bool], Callable[[Any], object]], ...]
    rule: Rule | None

    def checked(self, value: object, path: str) -> object:
        """A JSON value as the type that the field declares; raises `WireError`."""
        for fits, convert in self.types:
            if fits(value):
                try:
                    found = convert(value)
                except (TypeError, ValueError, OverflowError):
                    break
                if self.rule is None or self.rule(found):
                    return found
                raise WireError(f"{short_repr(value)} is not allowed here", path=f"{path}/{self.key}")
        raise WireError(f"{short_repr(value)} is not {self.declared}", path=f"{path}/{self.key}")


_FIELDS: dict[type[Any], tuple[_Field, ...]] = {}
"""Looked up once for each class: a message has some thirty fields."""


def _look_up(kind: type[Any]) -> tuple[_Field, ...]:
    found = []
    for field in fields(kind):
        declared = "long" if field.name in _LONG else str(field.type)
        found.append(
            _Field(
                name=field.name,
                key=_KEYS.get(field.name, field.name),
                required=field.default is MISSING and field.default_factory is MISSING,
                declared=declared,
                types=tuple(_KINDS[each] for each in declared.split(" | ")),
                rule=_SPECIAL.get((kind, field.name)) or RULES.get(field.name),
            )
        )
    _FIELDS[kind] = tuple(found)
    return _FIELDS[kind]


def _is_text(value: object) -> bool:
    # What no database takes as text, or as a name: it would be refused for ever.
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS:
        return False
    return "\0" not in value and (value.isascii() or _SURROGATE.search(value) is None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_HUGE < value < _HUGE


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31


def _is_long(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < STRIDE << 40


def _is_names(value: object) -> bool:
    return isinstance(value, list | tuple) and all(_is_text(each) for each in value)


def _same(value: Any) -> Any:  # noqa: ANN401 - whatever was checked
    return value


# Where a field means something else than fields of its name do elsewhere.
_SPECIAL: dict[tuple[type[Any], str], Rule] = {
    (Command, "kind"): lambda kind: isinstance(kind, CommandKind),
    (Command, "job_id"): lambda name: name == "" or is_identifier(name),
}

# How each declared type looks in JSON, and how it is made from that.
_KINDS: dict[str, tuple[Callable[[object], bool], Callable[[Any], object]]] = {
    "str": (_is_text, _same),
    "int": (_is_int, _same),
    "long": (_is_long, _same),
    "float": (_is_number, float),
    "bool": (lambda value: isinstance(value, bool), _same),
    "None": (lambda value: value is None, _same),
    "dict[str, Any]": (lambda value: isinstance(value, dict), _same),
    "tuple[str, ...]": (_is_names, tuple),
    "tuple[Addition, ...]": (lambda value: isinstance(value, list), tuple),
    "CommandKind": (lambda value: isinstance(value, str), CommandKind),
    "State": (lambda value: isinstance(value, str), State),
    "Outcome": (lambda value: isinstance(value, Done | Failed | Interrupted), _same),
}
