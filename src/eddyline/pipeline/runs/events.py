"""The events and the report of a run, as plain values: for a progress display, a log line or JSON."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.media.left_out.report import LeftOut


@dataclass(frozen=True, kw_only=True)
class AssetProgress:
    """The progress of one asset. `fraction` 0..1 counts all stages; `speed` is a multiple of real time."""

    asset: str
    name: str
    stage: str
    fraction: float
    frames_done: int
    frames_total: int
    speed: float | None
    eta_s: float | None


@dataclass(frozen=True, kw_only=True)
class SubmitProgress:
    """The recording that is being fingerprinted, uploaded if needed, and submitted.

    `done` of `total` recordings are submitted; `name` is the file name of the next one, `bytes` its size (0
    for objects in a store, which are not copied).
    """

    done: int
    total: int
    name: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class AssetSubmitted:
    """A source was submitted to a fleet, which processes it whether or not the submitter waits."""

    asset: str
    name: str
    source: str


@dataclass(frozen=True, kw_only=True)
class AssetFinished:
    """An asset is published. `reused`: it was published before, complete and verified, and nothing was done.

    `manifest` and `page` are paths, or addresses in a store. `left_out` is what of the source it does not
    contain.
    """

    asset: str
    name: str
    manifest: str
    page: str
    reused: bool
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AssetFailed:
    """A source that did not become an asset; `asset` and `job` are empty if it failed before submission.

    `source` is its path or address; empty if unknown. `reason` is a sentence; `refusal` is the stable
    identifier of `eddyline.media.rejections` if the source itself was refused, else empty.
    """

    asset: str
    name: str
    source: str
    job: str
    reason: str
    remedy: str
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceSkipped:
    """A file that is not processed, and why."""

    path: str
    reason: str


Event = (
    AssetProgress
    | SubmitProgress
    | AssetSubmitted
    | AssetFinished
    | AssetFailed
    | SourceSkipped
    | UnservedPool
)


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """How a whole run ended; `interrupted` is the reason if it was stopped before its end.

    `submitted` is what was submitted to a fleet, whether or not it has finished.
    """

    finished: tuple[AssetFinished, ...]
    failed: tuple[AssetFailed, ...]
    skipped: tuple[SourceSkipped, ...]
    interrupted: str = ""
    submitted: tuple[AssetSubmitted, ...] = ()
