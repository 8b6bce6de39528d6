"""Ingests new sources: objects announced by S3 events, or files in a watched directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from eddyline.app.embedded import RunRequest, open_run
from eddyline.app.ingest_metrics import count_messages
from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.app.submit import FLEET
from eddyline.core.errors import UsageError
from eddyline.core.health import HealthFile
from eddyline.core.stop import Stop
from eddyline.edit.merge.merge import is_one_recording
from eddyline.ingest.arrivals import IngestLoop
from eddyline.ingest.folder_scan import SETTLE_S, FolderScanner
from eddyline.ingest.messages import IngestOutcome
from eddyline.ingest.object_lookup import lookup_object
from eddyline.ingest.process_object import ObjectProcessor
from eddyline.ingest.rules import load_rules
from eddyline.ingest.watch_folder import FolderWatch
from eddyline.media.ladder import profile as profiles
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.planning.output_layout import OUTPUT, STATE
from eddyline.pipeline.planning.routing import inspect_pool
from eddyline.pipeline.runs.events import Event, RunReport
from eddyline.pipeline.steps.table import import_job_modules
from eddyline.pipeline.submission.submit import Submitted, submit
from eddyline.store import addresses

_ATTEMPTS = 8
_LOOP = "ingest"  # in the health file


@dataclass(frozen=True, kw_only=True)
class IngestRequest:
    """The options of an ingest: `events` is the queue, `buckets` may send messages to it.

    `lease_s`: the visibility timeout of messages. `metrics`: "[HOST:]PORT", or "" for none.
    """

    events: str
    shared: SharedServices
    rules: Path | None = None
    profile: str = "default"
    buckets: tuple[str, ...] = ()
    threads: int = 4
    lease_s: float = 60.0
    metrics: str = ""


@dataclass(frozen=True, kw_only=True)
class WatchRequest:
    """The options of a watch; `once`: end when all files in the directory are processed.

    `store` is the address of the media store for the results ("": the directory `out`).
    """

    folder: Path
    out: Path
    rules: Path | None = None
    profile: str = "default"
    slots: int | None = None
    settle_s: float = SETTLE_S
    once: bool = False
    store: str = ""


def run_ingest(request: IngestRequest, *, stop: Stop, on_outcome: Callable[[IngestOutcome], None]) -> None:
    """Submit the objects announced in a queue until `stop` is requested; may run in several processes.

    Raises `UsageError` for an invalid rule or setting or missing permissions, `LedgerError` if the ledger is
    unavailable.
    """
    rules = load_rules(request.rules, profile=request.profile)
    with require_extra("aws", "S3 events on SQS"):
        from eddyline.aws.s3_events.event_queue import ensure_event_queue, event_queue_client
        from eddyline.aws.s3_events.parser import parse_s3_event
        from eddyline.aws.s3_events.source import S3EventSource
    shared = request.shared
    store, inspecting = shared.open_store(), inspect_pool(shared.pools())
    client = shared.client("sqs")
    queues = event_queue_client(client)
    event_queue = ensure_event_queue(queues, request.events, buckets=request.buckets)
    with (
        shared.open_ledger() as ledger,
        closing(S3EventSource(queues, event_queue, attempts=_ATTEMPTS, visibility_s=request.lease_s)) as sqs,
        count_messages(request.metrics, sqs, queues, event_queue, on_outcome) as (counted, count_outcome),
    ):

        def submit_one(addresses: Sequence[str], profile: Profile, terms: JobOptions) -> Submitted:
            return submit(
                addresses,
                profile,
                store=store,
                ledger=ledger,
                toolchain=FLEET,
                options=terms,
                pool=inspecting,
            )

        health = HealthFile(shared.settings.health, loops=(_LOOP,))

        def check() -> None:
            store.check()
            ledger.job("")

        IngestLoop(
            source=counted,
            parse=parse_s3_event,
            processor=ObjectProcessor(
                rules=rules,
                store=addresses.parse(shared.store),
                lookup=lookup_object,
                submit=submit_one,
                are_one_recording=is_one_recording,
            ),
            check_access=check,
            stop=stop,
            on_outcome=count_outcome,
            threads=request.threads,
            on_round=lambda: health.ran(_LOOP),
        ).run()


def watch_folder(request: WatchRequest, *, stop: Stop, on_event: Callable[[Event], None]) -> RunReport:
    """Process new files of a directory until `stop` is requested; each file becomes one asset.

    Finishes the work of earlier runs first. Raises `UsageError` for an invalid rule or setting, or if another
    run uses the output directory.
    """
    root, results = _resolve(request.folder), _results(request)
    if not root.is_dir():
        raise UsageError(f"{request.folder} is not a directory", remedy="pass the directory to watch")
    if any(root.is_relative_to(place / inner) for place in results for inner in (STATE, OUTPUT)):
        raise UsageError(
            f"{request.folder} contains the results of Eddyline",
            remedy="watch another directory, or pass another one with --out or --store",
        )
    rules = load_rules(request.rules, profile=request.profile)
    import_job_modules()
    home = RunRequest(sources=(), out=request.out, slots=request.slots, merge=False, store=request.store)
    with open_run(home, stop=stop, on_event=on_event) as session:
        # No new sources: only the open jobs, with the profiles they were submitted with.
        earlier = session.run((), profiles.load_profile("default"))
        report = FolderWatch(
            folder=FolderScanner(
                root=root,
                excluded=[place for place in results if place != root],
                settle_s=request.settle_s,
            ),
            rules=rules,
            process=session.run,
            stop=stop,
            on_event=on_event,
            once=request.once,
        ).run()
    return replace(
        report,
        finished=earlier.finished + report.finished,
        failed=earlier.failed + report.failed,
        skipped=earlier.skipped + report.skipped,
    )


def _results(request: WatchRequest) -> list[Path]:
    """The local directories of the results."""
    store = addresses.parse(request.store) if request.store else None
    return [_resolve(request.out), *([_resolve(store.folder)] if store and store.local else [])]


def _resolve(path: Path) -> Path:
    return Path(os.path.realpath(path))
