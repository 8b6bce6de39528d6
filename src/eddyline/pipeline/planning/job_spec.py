"""Parses job specs, and the plans that they name.

Both are input from outside: a spec comes in a queue message, a plan from the store. All values that become
paths, keys or arguments of programs are checked here; steps use no others.
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
from eddyline.mp4.entries.ambisonic import Ambisonics
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.planning.output_layout import parts_prefix
from eddyline.pipeline.planning.plan import Plan

_PLAN_KEY = re.compile(r"\.eddyline/parts/([0-9a-f]{16})/plan-[0-9a-f]{16}\.json")
_REQUEST = re.compile(r"[0-9A-Za-z]{1,64}")
_OPTION_VALUE = re.compile(r"[A-Za-z0-9._-]{1,40}")
# Characters that separate options in an FFmpeg filter description.
_FILTER_SYNTAX = re.compile(r"[,;:=\[\]'\\\x00-\x1f]")
# The facts that become part of a filter description; titles and the like never do.
_IN_FILTERS = frozenset({"pixel_format", "transfer", "primaries", "matrix", "chroma_location", "layout"})
_MAX_INDEX = 1_000_000
_MAX_NAME_LENGTH = 2000
_MAX_TIME = 1e11  # seconds since 1970
_MAX_PLAN_BYTES = 64 * 1024 * 1024  # the plan of a 12-hour source has about 1 MB


class JobSpecError(FormatError):
    """The spec of a job, or its plan, is not one that Eddyline writes."""

    default_remedy = (
        "check what else writes to the job queues or to the media store; then submit the source again"
    )


@dataclass(frozen=True, kw_only=True)
class StepSpec:
    """The spec of a job after inspection: its plan's key, its request's digest, and its index in its kind.

    `software`: a chunk of hardware encoders is encoded by software encoders, because a device failed.
    """

    plan: str
    request: str
    index: int | str | None
    software: bool = False

    @classmethod
    def parse(cls, job: Job) -> StepSpec:
        """The spec of `job`, whose plan belongs to the job's own asset. Raises `JobSpecError`."""
        plan, index = job.spec.get("plan"), job.spec.get("index")
        if asset_of_plan(plan) != checked_asset(job):
            raise JobSpecError(f"{short_repr(plan)} is the plan of another asset", path="spec/plan")
        if job.kind not in JOB_KINDS:
            raise JobSpecError(f"unknown job kind {short_repr(job.kind)}", path="kind")
        return cls(
            plan=str(plan),
            request=_parse_request(job),
            index=_parse_index(index),
            software=job.spec.get("software") is True,
        )

    def check(self, kind: str, plan: Plan) -> None:
        """Raise `JobSpecError` unless `plan` has a job of this kind and index."""
        row = JOB_KINDS[kind]
        if self.index not in plan.indexes(row):
            raise JobSpecError(f"the plan has no {kind} job {short_repr(self.index)}", path="spec/index")
        if self.software and not (
            row.encodes_video
            and isinstance(self.index, int)
            and plan.has_hardware(plan.family_of(self.index))
        ):
            raise JobSpecError("no hardware encoder is planned for this job", path="spec/software")


@dataclass(frozen=True, kw_only=True)
class InspectSpec:
    """The spec of an `inspect` job. `name` is the source's file name, `request` the digest of the request."""

    asset: str
    name: str
    fingerprint: str
    request: str
    profile: Profile
    options: JobOptions

    @classmethod
    def parse(cls, job: Job) -> InspectSpec:
        """The spec of `job`. Raises `JobSpecError`."""
        spec = job.spec
        if spec.get("asset") != checked_asset(job):
            raise JobSpecError(
                f"the spec names another asset, {short_repr(spec.get('asset'))}", path="spec/asset"
            )
        try:
            profile = Profile.model_validate(spec.get("profile"))
        except (ValueError, RecursionError) as error:
            raise JobSpecError(
                f"invalid profile: {short_repr(str(error), 200)}", path="spec/profile"
            ) from error
        return cls(
            asset=job.asset,
            name=_parse_text(spec.get("name"), "spec/name"),
            fingerprint=_parse_text(spec.get("fingerprint"), "spec/fingerprint"),
            request=_parse_request(job),
            profile=profile,
            options=job_options(job),
        )


def checked_asset(job: Job) -> str:
    """The asset of `job`. Raises `JobSpecError` if it is not the id of an asset."""
    if not is_asset(job.asset):
        raise JobSpecError(f"{short_repr(job.asset)} is not the id of an asset", path="asset")
    return job.asset


def asset_of_plan(key: object) -> str:
    """The asset to which the plan under `key` belongs. Raises `JobSpecError` if `key` is not a plan's key."""
    match = _PLAN_KEY.fullmatch(key) if isinstance(key, str) else None
    if match is None:
        raise JobSpecError(f"{short_repr(key)} is not the key of a plan", path="spec/plan")
    return match[1]


def read_plan(data: bytes, asset: str) -> Plan:
    """Parse the plan of `asset`, as stored. Raises `JobSpecError`."""
    if len(data) > _MAX_PLAN_BYTES:
        raise JobSpecError(f"a plan of {len(data)} bytes is too large", path="plan")
    try:
        plan = Plan.from_json(json.loads(data))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise JobSpecError(f"invalid plan: {short_repr(str(error), 200)}", path="plan") from error
    if plan.asset != asset:
        raise JobSpecError(f"the plan belongs to another asset, {short_repr(plan.asset)}", path="plan/asset")
    if plan.source not in ("", f"{parts_prefix(asset)}/source"):  # it may be of any type
        raise JobSpecError(f"invalid source part {short_repr(plan.source)}", path="plan/source")
    if not all(
        is_count(each.start) and is_count(each.stop) and each.start < each.stop for each in plan.chunks
    ):
        raise JobSpecError("a chunk is not a range of frames", path="plan/chunks")
    for rung in plan.rungs:
        _check_rung(rung)
    _check_families(plan)
    _check_preview(plan)
    _check_selection(plan)
    _check_filter_facts(plan)
    _check_audio(plan)
    try:
        _ = plan.analyses
    except (TypeError, ValueError, ArithmeticError) as error:
        raise JobSpecError(f"invalid facts: {short_repr(str(error), 200)}", path="plan/facts") from error
    return plan


def _check_filter_facts(plan: Plan) -> None:
    """Check the facts that become part of filter descriptions."""
    for track in (plan.facts.video, *plan.facts.audio):
        for name in _IN_FILTERS & vars(track).keys():
            value = getattr(track, name)
            if not isinstance(value, str) or _FILTER_SYNTAX.search(value):
                raise JobSpecError(f"invalid {name} {short_repr(value)}", path="plan/facts")


def _check_audio(plan: Plan) -> None:
    """Check the channels of the audio tracks, which select filters."""
    for each in plan.facts.audio:
        if not is_count(each.channels) or each.channels < 1:
            raise JobSpecError(f"invalid channels {short_repr(each.channels)}", path="plan/facts")
        components = each.ambisonic
        if components and not (
            all(is_count(component) for component in components)
            and Ambisonics(components=components).is_valid
        ):
            raise JobSpecError(f"invalid ambisonic {short_repr(components)}", path="plan/facts")


def _check_families(plan: Plan) -> None:
    """Check that the chunks belong to the families of the rungs, whose frame steps divide a GOP."""
    families = [*(rung.family for rung in plan.rungs), *(chunk.family for chunk in plan.chunks)]
    if not all(each == "" or is_identifier(each) for each in families):
        raise JobSpecError("a codec family has an invalid name", path="plan/rungs")
    if {each.family for each in plan.chunks} != set(plan.families):
        raise JobSpecError("the chunks are not those of the rungs' codec families", path="plan/chunks")
    for step in (each for rung in plan.rungs for each in (rung.frame_step, rung.fields)):
        if not is_count(plan.grid.gop) or not is_count(step) or step < 1 or plan.grid.gop % step:
            raise JobSpecError(f"invalid frame step {short_repr(step)}", path="plan/rungs")
    if len({rung.fields for rung in plan.rungs} | {1, 2}) > 2:  # noqa: PLR2004 - one or two fields
        raise JobSpecError("a frame has one or two fields", path="plan/rungs")


def _check_preview(plan: Plan) -> None:
    """Check that the preview, and the chunk of its first segment, are parts of the plan."""
    preview, own = plan.preview, [chunk for chunk in plan.chunks if chunk.rung]
    rungs = {rung.name: rung for rung in plan.rungs}
    if preview is None:
        valid = not own
    else:
        rung = rungs.get(preview.rung) if isinstance(preview.rung, str) else None
        chunks = plan.chunks_of(rung.family) if rung else ()
        valid = (
            rung is not None
            and is_count(preview.frames)
            and all(is_count(each) and 0 < each < len(chunks) for each in preview.extensions)
            and [(each.rung, each.start, each.stop) for each in own]
            == ([(preview.rung, 0, preview.frames)] if preview.frames else [])
            and preview.frames < chunks[0].stop
        )
    if not valid:
        raise JobSpecError("the preview is not a part of the plan", path="plan/preview")


def _check_selection(plan: Plan) -> None:
    """Check that the CRFs are numbers that the encoders accept, one for each chunk of the family."""
    if plan.selection is None:
        return
    rungs = {rung.name: rung for rung in plan.rungs}
    for name, crfs in plan.selection.crfs.items():
        rung = rungs.get(name)
        if rung is None or len(crfs) != len(plan.chunks_of(rung.family)):
            raise JobSpecError(
                f"the CRFs of {short_repr(name)} are not those of its chunks", path="plan/selection"
            )
        low, high = ENCODERS[rung.encoder].quality
        if not all(type(crf) in (int, float) and low <= crf <= high for crf in crfs):
            raise JobSpecError(f"a CRF of {name} is not from {low} to {high}", path="plan/selection")
    if not is_count(plan.selection.jobs) or plan.selection.jobs > _MAX_INDEX:
        raise JobSpecError("the number of analyses is invalid", path="plan/selection")


def _check_rung(rung: Rung) -> None:
    """Check the texts of a rung, which become file names and arguments of FFmpeg."""
    encoder = ENCODERS.get(rung.encoder) if isinstance(rung.encoder, str) else None
    if encoder is None or encoder.codec != rung.codec:
        raise JobSpecError(f"unknown encoder {short_repr(rung.encoder)}", path="plan/rungs")
    values = (rung.preset, rung.pixel_format, *([] if rung.level is None else [rung.level]))
    if not is_identifier(rung.name) or not all(
        isinstance(value, str) and _OPTION_VALUE.fullmatch(value) for value in values
    ):
        raise JobSpecError(
            f"invalid rung {short_repr(rung.name)}, preset {short_repr(values[0])}", path="plan/rungs"
        )


def job_options(job: Job) -> JobOptions:
    """The options that the job passes on to those that it adds. Raises `JobSpecError`."""
    return _parse_options(job.spec.get("terms", {}))


def _parse_options(value: object) -> JobOptions:
    try:
        options = JobOptions.from_json(value)  # type: ignore[arg-type]  # raises TypeError unless a mapping
    except (TypeError, UsageError) as error:
        raise JobSpecError(f"invalid options: {short_repr(str(error), 200)}", path="spec/terms") from error
    if not isinstance(options.owner, str) or len(options.owner) > _MAX_NAME_LENGTH:
        raise JobSpecError("invalid owner", path="spec/terms")
    if options.deadline is not None and not _is_time(options.deadline):
        raise JobSpecError("invalid deadline", path="spec/terms")
    return options


def _parse_index(index: object) -> int | str | None:
    """The chunk, track or rung of a job. Raises `JobSpecError` for a value that cannot be part of a key."""
    if index is None or (is_count(index) and index < _MAX_INDEX) or is_identifier(index):
        return index  # type: ignore[return-value]  # the condition above proves the type
    raise JobSpecError(f"{short_repr(index)} is not a chunk, track or rung", path="spec/index")


def _parse_request(job: Job) -> str:
    request = job.spec.get("ask")
    if not isinstance(request, str) or not _REQUEST.fullmatch(request):
        raise JobSpecError(f"{short_repr(request)} is not the digest of a request", path="spec/ask")
    return request


def _parse_text(value: object, path: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_NAME_LENGTH:
        raise JobSpecError(f"{short_repr(value)} is not a name", path=path)
    return value


def is_count(value: object) -> TypeGuard[int]:
    """Whether a JSON value is an integer of at least 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MAX_TIME
