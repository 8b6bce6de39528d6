"""The services that several machines share: media store, ledger and queues, by options or settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eddyline import config
from eddyline.app.optional_dependencies import require_extra
from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop
from eddyline.fleet import pools as pools_file
from eddyline.fleet.pools import Pools
from eddyline.fleet.record.spot_prices import SpotPrices
from eddyline.graph.ledger.ledger import POISON_AFTER, Ledger
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup
from eddyline.store import addresses
from eddyline.store.open_store import BUCKETS, open_store
from eddyline.store.store import Store
from eddyline.store.store_settings import StoreSettings, resolve_endpoint
from eddyline.store.temp_cleanup import TempCleanup

if TYPE_CHECKING:
    from eddyline.aws.ec2_instances import Ec2Instances
    from eddyline.aws.sqs.client import SqsClient

# SQS has no priorities, so there is one queue for each: interactive jobs that finish an asset or block other
# jobs, other interactive jobs, and the same for bulk jobs (pipeline/planning/job_options.py).
PRIORITIES = (0, 10, 100, 110)


@dataclass(frozen=True, kw_only=True)
class SharedServices:
    """The addresses of the services; empty if not set."""

    store: str
    ledger: str
    queues: str
    settings: config.Settings

    @classmethod
    def from_options(
        cls, *, store: str = "", ledger: str = "", queues: str = "", out: Path | None = None
    ) -> SharedServices:
        """The given addresses, else those of the settings. Raises `UsageError` for an invalid setting.

        `out` is an output directory, which has its own ledger: with `ledger`, it is a `UsageError`.
        """
        if out is not None and ledger:
            raise UsageError("--out and --ledger are mutually exclusive", remedy="pass only one of them")
        settings = config.read()
        return cls(
            store=store or settings.store or "",
            ledger=ledger or settings.ledger or "",
            queues=queues or settings.queues or "",
            settings=settings,
        )

    def open_store(self, *, stop: Stop | None = None) -> Store:
        """Open and check the media store. Raises `UsageError` if none is set or the address is invalid."""
        if not self.store:
            raise UsageError(
                "no media store is specified",
                remedy="pass --store s3://bucket/prefix (or a shared directory), or set EDDYLINE_STORE",
            )
        place = addresses.parse(self.store)
        if place.local:
            # Workers on one machine may be started in different directories.
            place = addresses.parse(str(place.folder.absolute()))
        self.configure_sources(stop=stop)
        store = open_store(place, self._store_settings, stop=stop)
        store.check()
        return store

    def upload_cleanup(self, on_message: Callable[[str], None]) -> UploadCleanup:
        """The cleanup of uploads that killed processes left in the store; `on_message` gets its messages."""
        place = addresses.parse(self.store) if self.store else None
        if place is not None and place.local:
            # Incomplete files of a directory are not listed: a search of a large library would take too long.
            return UploadCleanup(TempCleanup(root=place.folder.absolute()), ages={})
        if place is None or place.scheme != "s3":
            return UploadCleanup()
        try:
            with require_extra("aws", "aborting the uploads of killed processes"):
                from eddyline.aws.multipart_cleanup import multipart_uploads
        except UsageError as error:  # the cleanup is optional
            on_message(str(error))
            return UploadCleanup()
        endpoint = resolve_endpoint(place.scheme, self._store_settings, os.environ)
        region = _region(endpoint)
        return UploadCleanup(
            multipart_uploads(
                place.bucket, place.path, endpoint=endpoint, region=region, on_message=on_message
            )
        )

    def configure_sources(self, *, stop: Stop | None = None) -> None:
        """Configure how this process reads sources in buckets; `stop` ends their retries."""
        BUCKETS.configure(self._store_settings, stop=stop)

    @property
    def _store_settings(self) -> StoreSettings:
        return StoreSettings(allow_http=self.settings.allow_http)

    def open_ledger(self) -> Ledger:
        """Open the ledger; with queues, one that publishes to them."""
        return self.open_coordinator_ledger() if self.queues else self.open_plain_ledger()

    def open_plain_ledger(self) -> Ledger:
        """Open the ledger for a process that does not publish jobs."""
        return Ledger.open(self.ledger_address(), poison_after=self.poison_after)

    def open_coordinator_ledger(self) -> Ledger:
        """Open the ledger for a process that publishes jobs: a coordinator, or one that submits jobs."""
        return Ledger.open(self.ledger_address(), poison_after=self.poison_after, publishes=True)

    @property
    def poison_after(self) -> int:
        """Consecutive worker losses before a job is treated as poison."""
        return self.settings.poison_after or POISON_AFTER

    def ledger_address(self) -> str | Path:
        """An absolute path or the URL of a server. Raises `UsageError` if none is set or it is invalid."""
        if not self.ledger:
            raise UsageError(
                "no ledger is specified",
                remedy="pass --ledger postgresql://user@host/database, or set EDDYLINE_LEDGER",
            )
        if "://" in self.ledger:
            with require_extra("postgres", "a ledger on PostgreSQL"):
                import psycopg  # noqa: F401 - check for it before SQLAlchemy imports it
            return self.ledger
        path = Path(self.ledger).absolute()
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent} is not a directory", remedy="create it, or pass another ledger")
        return path

    def pools(self) -> Pools:
        """The worker pools. Raises `UsageError` for an invalid file."""
        return pools_file.load_pools(self.settings.pools)

    def open_queues(self, pools: Sequence[str]) -> SqsClient:
        """The queues of these pools' jobs. Raises `UsageError` if no prefix is set."""
        if not self.queues:
            raise UsageError("no queues are specified", remedy="pass --queues PREFIX, or set EDDYLINE_QUEUES")
        with require_extra("aws", "SQS"):
            from eddyline.aws.sqs.client import QueueNames, SqsClient
        naming = QueueNames(prefix=self.queues, pools=tuple(pools), priorities=PRIORITIES)
        return SqsClient(self.client("sqs"), naming, max_receive_count=self.settings.dead_after)

    @classmethod
    def ec2_instances(cls) -> Ec2Instances | None:
        """The instances of the region, or None if the queues are on a local server and EC2 is not."""
        with require_extra("aws", "EC2"):
            from eddyline.aws.ec2_instances import Ec2Instances
        endpoint = _first("AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL")
        if endpoint is None and os.environ.get("AWS_ENDPOINT_URL_SQS"):
            return None
        return Ec2Instances(cls.client("ec2"))

    @classmethod
    def spot_price_history(cls) -> Callable[[Collection[str], float, float], SpotPrices] | None:
        """Reads Spot prices of the region; None if the queues are on a local server and EC2 is not."""
        if cls.ec2_instances() is None:
            return None
        from eddyline.aws.ec2_spot_prices import spot_price_history

        return partial(spot_price_history, cls.client("ec2"))

    @staticmethod
    def client(service: str) -> Any:  # noqa: ANN401 - boto3 creates its classes at run time
        """A client of an AWS service, such as "sqs", configured by the environment. Raises `UsageError`."""
        with require_extra("aws", "AWS"):
            from eddyline.aws.clients import open_client
        endpoint = _first(f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL")
        return open_client(service, endpoint=endpoint, region=_region(endpoint))


def _region(endpoint: str | None) -> str | None:
    # boto3 reads only the second name, ECS containers set the first; a local server accepts any region.
    return _first("AWS_REGION", "AWS_DEFAULT_REGION") or ("us-east-1" if endpoint else None)


def _first(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
