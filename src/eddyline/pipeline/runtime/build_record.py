"""The build record of a codec family: which FFmpeg build encodes its chunks, and whether a device does.

Pure: what a worker does with a record, and what it changes it to.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from eddyline.core.identity import canonical

SUPERSEDED_S = 600.0
"""If the record is older, a worker with an earlier build takes over again."""

_MAX_TIME = 1e11  # seconds since 1970


@dataclass(frozen=True, kw_only=True)
class BuildRecord:
    """The build (SHA-256 of FFmpeg) that encodes a family's chunks, and the builds `before` it.

    `by` is the job that last changed the build, `at` (seconds since 1970) the last time a worker with the
    build wrote the record. `software`: a device failed, and the family is encoded by the default encoders of
    its codec instead of the planned ones; it never becomes false again. `build` is empty from then until a
    worker encodes the first chunk. `stored` is the start that last stored a chunk of planned hardware
    encoders.
    """

    build: str
    by: str
    at: float
    before: tuple[str, ...] = ()
    software: bool = False
    stored: str = ""

    def to_json(self) -> bytes:
        """The stored form; without later additions of default values, which earlier versions refuse."""
        values = asdict(self)
        return canonical({key: values[key] for key in values if key not in _ADDED or values[key]})


_ADDED = frozenset({"software", "stored"})


class EncoderChoice(StrEnum):
    """How a worker handles a chunk."""

    ENCODE = "encode"
    TAKE_OVER = "take over"
    HAND_BACK = "hand back"


def choose(record: BuildRecord, build: str, now: float) -> EncoderChoice:
    """What a worker with `build` does with a chunk of a family that has this record."""
    if record.build == build:
        return EncoderChoice.ENCODE
    superseded = build in record.before and now - record.at < SUPERSEDED_S
    return EncoderChoice.HAND_BACK if superseded else EncoderChoice.TAKE_OVER


def take_over(record: BuildRecord | None, build: str, job: str, now: float) -> BuildRecord:
    """The record once `build` encodes the chunks."""
    if record is None:
        return BuildRecord(build=build, by=job, at=now)
    if not record.build:  # the first worker after the failure of a device: no chunks of another build exist
        return replace(record, build=build, at=now)
    before = tuple(dict.fromkeys((*record.before, record.build)))
    return replace(record, build=build, by=job, at=now, before=before)


def fall_back(job: str, now: float) -> BuildRecord:
    """The record once a device has failed: no build has encoded a chunk in software yet."""
    return BuildRecord(build="", by=job, at=now, software=True)


def parse_record(data: bytes) -> BuildRecord | None:
    """The record that `to_json` wrote; None for anything else."""
    try:
        values = json.loads(data)
        record = BuildRecord(**{**values, "before": tuple(values["before"])})
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    texts = (record.build, record.by, record.stored, *record.before)
    valid = isinstance(record.at, int | float) and 0 <= record.at < _MAX_TIME
    valid = valid and isinstance(record.software, bool) and all(isinstance(each, str) for each in texts)
    return record if valid else None
