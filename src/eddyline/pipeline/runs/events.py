"""What a run tells whoever watches it: values only, for a bar, a log line or a JSON event."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.media.left_out.report import LeftOut


@dataclass(frozen=True, kw_only=True)
class AssetProgress:
    """How far one asset is. `fraction` 0..1 counts the work of all stages; `speed` is times realtime."""

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
    """The recording that is being fingerprinted, uploaded where needed, and submitted.

    `done` of `total` recordings are submitted; `name` is the file name of the next one, `bytes` its size
    (0 for objects in a store, which are not copied).
    """

    done: int
    total: int
    name: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class AssetSubmitted:
    """A source was handed to a fleet, which works on it whether anybody waits or not."""

    asset: str
    name: str
    source: str


@dataclass(frozen=True, kw_only=True)
class AssetFinished:
    """An asset is published. `reused`: it was already there and proven, nothing was done.

    `manifest` and `page` are paths, or addresses in a store. `left_out` is what of the source is not in it.
    """

    asset: str
    name: str
    manifest: str
    page: str
    reused: bool
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AssetFailed:
    """A source that did not become an asset; `asset` and `job` are empty if it never got that far.

    `source` is its path or address; empty where it is not known any more. `reason` is a sentence; `refusal`
    is the stable identifier of `eddyline.media.rejections` where the source itself was refused, else empty.
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
    """A file that is not footage, and why."""

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
    """How a whole run ended; `interrupted` is the reason if it was told to stop before its end.

    `submitted` is what a fleet was given, whatever became of it.
    """

    finished: tuple[AssetFinished, ...]
    failed: tuple[AssetFailed, ...]
    skipped: tuple[SourceSkipped, ...]
    interrupted: str = ""
    submitted: tuple[AssetSubmitted, ...] = ()
