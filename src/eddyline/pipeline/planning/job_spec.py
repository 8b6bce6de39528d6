"""What the specs of jobs, and the plans that they name, may say.

Both come from outside: a spec in the message of a queue, a plan from the store. Here they are parsed, and
what will name paths, keys and programs' arguments is checked; steps use nothing of them that was not.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeGuard

from eddyline.core.errors import FormatError, UsageError
from eddyline.core.formatting import short_repr
from eddyline.core.name_rules import is_asset, is_identifier
from eddyline.graph.job import Job
from eddyline.media.ladder.encoders import ENCODERS
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.planning.plan import KINDS, Plan, parts_prefix

_PLAN_KEY = re.compile(r"\.eddyline/parts/([0-9a-f]{16})/plan-[0-9a-f]{16}\.json")
_ASK = re.compile(r"[0-9A-Za-z]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9._-]{1,40}")
# What separates options in the description of a filter of FFmpeg's.
_FILTER_SYNTAX = re.compile(r"[,;:=\[\]'\\\x00-\x1f]")
# The facts that become part of such a description; titles and the like never do.
_IN_FILTERS = frozenset({"pixel_format", "transfer", "primaries", "matrix", "layout"})
_MOST_INDEX = 1_000_000
_LONGEST_NAME = 2000
_LATEST = 1e11  # seconds since 1970
_LONGEST_PLAN = 64 * 1024 * 1024  # bytes; a plan of 12 hours has about 1 MB


class JobSpecError(FormatError):
    """A job whose spec, or whose plan, is not one that Eddyline writes."""

    default_remedy = (
        "see who else sends to the job queues or writes to the media store; submit the footage again"
    )


@dataclass(frozen=True, kw_only=True)
class StepSpec:
    """The spec of a job after inspection: its plan's key, what was asked for, and which of its kind it is."""

    plan: str
    ask: str
    index: int | str | None

    @classmethod
    def of(cls, job: Job) -> StepSpec:
        """The spec of `job`; its plan is one of the job's own asset. Raises `JobSpecError`."""
        plan, index = job.spec.get("plan"), job.spec.get("index")
        if asset_of_plan(plan) != checked_asset(job):
            raise JobSpecError(f"the plan of another asset, {short_repr(plan)}", path="spec/plan")
        if job.kind not in KINDS:
            raise JobSpecError(f"a job of unknown kind {short_repr(job.kind)}", path="kind")
        return cls(plan=str(plan), ask=_ask(job), index=checked_index(index))

    def check(self, kind: str, plan: Plan) -> None:
        """See that `plan` has a job of this kind and index. Raises `JobSpecError`."""
        counts = {"chunk": len(plan.chunks), "audio": len(plan.facts.audio)}
        names = {rung.name for rung in plan.rungs}
        index = self.index
        if kind in counts:
            known = isinstance(index, int) and index < counts[kind]
        else:
            known = index in names if kind == "assemble" else index is None
        if not known:
            raise JobSpecError(f"no {kind} {short_repr(index)} in its plan", path="spec/index")


@dataclass(frozen=True, kw_only=True)
class InspectSpec:
    """The spec of an `inspect` job: its asset and name, the footage's fingerprint, and what was asked for."""

    asset: str
    name: str
    fingerprint: str
    ask: str
    profile: Profile
    terms: JobOptions

    @classmethod
    def of(cls, job: Job) -> InspectSpec:
        """The spec of `job`. Raises `JobSpecError`."""
        spec = job.spec
        if spec.get("asset") != checked_asset(job):
            raise JobSpecError(f"inspects another asset, {short_repr(spec.get('asset'))}", path="spec/asset")
        try:
            profile = Profile.model_validate(spec.get("profile"))
        except (ValueError, RecursionError) as error:
            raise JobSpecError(
                f"not a profile: {short_repr(str(error), 200)}", path="spec/profile"
            ) from error
        return cls(
            asset=job.asset,
            name=_text(spec.get("name"), "spec/name"),
            fingerprint=_text(spec.get("fingerprint"), "spec/fingerprint"),
            ask=_ask(job),
            profile=profile,
            terms=_terms(spec.get("terms", {})),
        )


def _terms(plain: object) -> JobOptions:
    try:
        terms = JobOptions.from_json(plain)  # type: ignore[arg-type]  # what is not a mapping raises TypeError
    except (TypeError, UsageError) as error:
        raise JobSpecError(
            f"terms that are not known: {short_repr(str(error), 200)}", path="spec/terms"
        ) from error
    timed = terms.deadline is None or _is_number(terms.deadline)
    if not isinstance(terms.owner, str) or len(terms.owner) > _LONGEST_NAME or not timed:
        raise JobSpecError("an owner or a deadline that cannot be", path="spec/terms")
    return terms


def checked_asset(job: Job) -> str:
    """The asset of `job`, if it is an asset's id. Raises `JobSpecError`."""
    if not is_asset(job.asset):
        raise JobSpecError(f"{short_repr(job.asset)} is not the id of an asset", path="asset")
    return job.asset


def checked_index(index: object) -> int | str | None:
    """Which chunk, track or rung a job is about. Raises `JobSpecError` for what cannot be part of a key."""
    if index is None or (_is_count(index) and index < _MOST_INDEX) or is_identifier(index):
        return index  # type: ignore[return-value]  # checked on the line above, in words mypy does not follow
    raise JobSpecError(f"{short_repr(index)} names no chunk, track or rung", path="spec/index")


def asset_of_plan(key: object) -> str:
    """The asset to which the plan under `key` belongs. Raises `JobSpecError` if that is not a plan's key."""
    found = _PLAN_KEY.fullmatch(key) if isinstance(key, str) else None
    if found is None:
        raise JobSpecError(f"{short_repr(key)} is not the key of a plan", path="spec/plan")
    return found[1]


def read_plan(data: bytes, asset: str) -> Plan:
    """The plan of `asset` in the bytes that the store has. Raises `JobSpecError`."""
    if len(data) > _LONGEST_PLAN:
        raise JobSpecError(f"a plan of {len(data)} bytes", path="plan")
    try:
        plan = Plan.from_json(json.loads(data))
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise JobSpecError(f"not a plan: {short_repr(str(error), 200)}", path="plan") from error
    if plan.asset != asset:
        raise JobSpecError(f"the plan of another asset, {short_repr(plan.asset)}", path="plan/asset")
    if plan.source not in ("", f"{parts_prefix(asset)}/source"):  # it may be of any type
        raise JobSpecError(f"a source at {short_repr(plan.source)}", path="plan/source")
    bounds = [number for chunk in plan.chunks for number in (chunk.start, chunk.stop)]
    if not all(_is_count(number) for number in bounds) or any(
        each.start >= each.stop for each in plan.chunks
    ):
        raise JobSpecError("chunks that are not ranges of frames", path="plan/chunks")
    for rung in plan.rungs:
        _check_rung(rung)
    for each in (plan.facts.video, *plan.facts.audio):
        for name in _IN_FILTERS & vars(each).keys():
            value = getattr(each, name)
            if not isinstance(value, str) or _FILTER_SYNTAX.search(value):
                raise JobSpecError(f"{name} of {short_repr(value)}", path="plan/facts")
    return plan


def _check_rung(rung: Rung) -> None:
    """See that a rung's texts are names: they become file names and arguments of FFmpeg."""
    known = ENCODERS.get(rung.encoder) if isinstance(rung.encoder, str) else None
    if known is None or known.codec != rung.codec:
        raise JobSpecError(f"an unknown encoder {short_repr(rung.encoder)}", path="plan/rungs")
    words = (rung.preset, rung.pixel_format, *([] if rung.level is None else [rung.level]))
    if not is_identifier(rung.name) or not all(
        isinstance(each, str) and _WORD.fullmatch(each) for each in words
    ):
        raise JobSpecError(
            f"a rung named {short_repr(rung.name)}, of {short_repr(words[0])}", path="plan/rungs"
        )


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LATEST


def _ask(job: Job) -> str:
    ask = job.spec.get("ask")
    if not isinstance(ask, str) or not _ASK.fullmatch(ask):
        raise JobSpecError(f"{short_repr(ask)} is not a digest of what was asked for", path="spec/ask")
    return ask


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise JobSpecError(f"{short_repr(value)} is not a name", path=path)
    return value
