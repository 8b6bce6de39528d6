"""What several machines share: media store, ledger and queues, as options or settings name them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eddyline import config
from eddyline.app.optional_dependencies import require_extra
from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop
from eddyline.fleet import pools as poolfile
from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.ledger import POISON_AFTER, Ledger
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup
from eddyline.store import addresses
from eddyline.store.open_store import BUCKETS, StoreSettings, open_store, resolve_endpoint
from eddyline.store.store import Store
from eddyline.store.temp_cleanup import TempCleanup

if TYPE_CHECKING:
    from eddyline.aws.sqs.client import SqsClient

# Where jobs queue on SQS, which knows no priorities: interactive work that ends an asset or is waited for,
# other interactive work, and the same of bulk work (pipeline/planning/job_options.py).
PRIORITIES = (0, 10, 100, 110)


@dataclass(frozen=True, kw_only=True)
class SharedServices:
    """The places; empty where none was named."""

    store: str
    ledger: str
    queues: str
    settings: config.Settings

    @classmethod
    def of(cls, *, store: str = "", ledger: str = "", queues: str = "") -> SharedServices:
        """What was given, else what the settings say. Raises `UsageError` for a wrong setting."""
        settings = config.read()
        return cls(
            store=store or settings.store or "",
            ledger=ledger or settings.ledger or "",
            queues=queues or settings.queues or "",
            settings=settings,
        )

    def open_store(self, *, stop: Stop | None = None) -> Store:
        """The media store, asked whether it is there. Raises `UsageError` if none is named or it is wrong."""
        if not self.store:
            raise UsageError(
                "no media store is named",
                remedy="say --store s3://bucket/prefix (or a shared folder), or set EDDYLINE_STORE",
            )
        place = addresses.parse(self.store)
        if place.local:
            # Workers on one machine may be started from different folders.
            place = addresses.parse(str(place.folder.absolute()))
        self.configure_sources(stop=stop)
        store = open_store(place, self._reach, stop=stop)
        store.check()
        return store

    def upload_cleanup(self, on_message: Callable[[str], None]) -> UploadCleanup:
        """The uploads that killed processes left in the store; `on_message` is told what is done."""
        place = addresses.parse(self.store) if self.store else None
        if place is not None and place.local:
            # A folder tells of nothing that was begun: to look at all of a library would take too long.
            return UploadCleanup(TempCleanup(root=place.folder.absolute()), ages={})
        if place is None or place.scheme != "s3":
            return UploadCleanup()
        try:
            with require_extra("aws", "aborting the uploads of killed processes"):
                from eddyline.aws.multipart_cleanup import multipart_uploads
        except UsageError as error:  # nothing depends on it
            on_message(str(error))
            return UploadCleanup()
        endpoint = resolve_endpoint(place.scheme, self._reach, os.environ)
        region = _region(endpoint)
        return UploadCleanup(
            multipart_uploads(
                place.bucket, place.path, endpoint=endpoint, region=region, on_message=on_message
            )
        )

    def configure_sources(self, *, stop: Stop | None = None) -> None:
        """Let sources that lie in buckets be read as the settings say, by the whole process, until `stop`."""
        BUCKETS.configure(self._reach, stop=stop)

    @property
    def _reach(self) -> StoreSettings:
        return StoreSettings(allow_http=self.settings.allow_http)

    def open_ledger(self) -> Ledger:
        """The ledger; one that publishes to queues where queues are named."""
        return self.open_coordinator_ledger() if self.queues else self.open_plain_ledger()

    def open_plain_ledger(self) -> Ledger:
        """The ledger as those use it who publish nothing."""
        return Ledger.open(self.ledger_address(), poison_after=self.poison_after)

    def open_coordinator_ledger(self) -> Ledger:
        """The ledger as coordinators use it, and whoever submits to queues."""
        return Ledger.open(self.ledger_address(), poison_after=self.poison_after, publishes=True)

    @property
    def poison_after(self) -> int:
        """How often in a row a job's worker may vanish."""
        return self.settings.poison_after or POISON_AFTER

    def ledger_address(self) -> str | Path:
        """A file's whole path, or the address of a server. Raises `UsageError` if there can be no ledger."""
        if not self.ledger:
            raise UsageError(
                "no ledger is named",
                remedy="say --ledger postgresql://user@host/database, or set EDDYLINE_LEDGER",
            )
        if "://" in self.ledger:
            with require_extra("postgres", "a ledger on PostgreSQL"):
                import psycopg  # noqa: F401 - to see whether it is there, before SQLAlchemy does
            return self.ledger
        path = Path(self.ledger).absolute()
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent} is no folder", remedy="make it, or name another ledger")
        return path

    def pools(self) -> Pools:
        """The worker classes. Raises `UsageError` for a file that is wrong."""
        return poolfile.load_pools(self.settings.pools)

    def open_queues(self, pools: Sequence[str]) -> SqsClient:
        """The queues of these pools' jobs. Raises `UsageError` where none are named."""
        if not self.queues:
            raise UsageError("no queues are named", remedy="say --queues PREFIX, or set EDDYLINE_QUEUES")
        with require_extra("aws", "SQS"):
            from eddyline.aws.sqs.client import QueueNames, SqsClient
        naming = QueueNames(prefix=self.queues, pools=tuple(pools), priorities=PRIORITIES)
        return SqsClient(self.sqs(), naming, max_receive_count=self.settings.dead_after)

    @staticmethod
    def sqs() -> Any:  # noqa: ANN401 - boto3 makes its classes when running
        """A client for SQS, by the environment. Raises `UsageError`."""
        with require_extra("aws", "SQS"):
            from eddyline.aws.sqs.client import sqs_client
        endpoint = _first("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL")
        return sqs_client(endpoint=endpoint, region=_region(endpoint))


def _region(endpoint: str | None) -> str | None:
    # boto3 knows the second name only, containers on ECS the first; a server of one's own wants any.
    return _first("AWS_REGION", "AWS_DEFAULT_REGION") or ("us-east-1" if endpoint else None)


def _first(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
