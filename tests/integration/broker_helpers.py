"""Helpers for tests of brokers: the transports, and the calls of a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.integration.aws_site import LEASE_S, REGION, DirectSite, QueueSite
from tests.servers.ministack import Ministack
from tests.unit.graph.postgres_server import empty_database
from tests.waiting import wait_until

from eddyline.graph.job import Claim, Outcome, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.broker import Broker

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
POOLS = ("cpu",)
B = TypeVar("B", bound=Broker)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets credentials; the test server accepts any."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["direct-sqlite", "direct-postgresql", "sqs"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DirectSite | QueueSite]:
    """A site of each kind: a ledger that workers use directly, on each dialect, and queues."""
    site: DirectSite | QueueSite
    if request.param == "sqs":
        request.getfixturevalue("keys")
        server: Ministack = request.getfixturevalue("ministack")
        site = QueueSite(server.url, tmp_path / "ledger.db")
    elif request.param == "direct-sqlite":
        site = DirectSite(Ledger.open(tmp_path / "ledger.db"))
    else:
        site = DirectSite(Ledger.open(empty_database(str(request.getfixturevalue("postgres")))))
    yield site
    site.close()


@pytest.fixture
def make_site(ministack: Ministack, tmp_path: Path, keys: None) -> Iterator[Callable[..., QueueSite]]:  # noqa: ARG001 - sets the credentials
    """A function that creates a site with queues."""
    sites: list[QueueSite] = []

    def make(**options: Any) -> QueueSite:
        sites.append(QueueSite(ministack.url, tmp_path / "ledger.db", **options))
        return sites[-1]

    yield make
    for each in sites:
        each.close()


def registered_broker(site: DirectSite | QueueSite, name: str = "ada") -> Broker:
    """A new broker of a registered worker, subscribed as by a running worker."""
    return register(site.broker(), name)


def register(broker: B, name: str = "ada") -> B:
    """Registers a worker at the broker and subscribes; returns the broker."""
    broker.register(name, "here", 1, LEASE_S)
    broker.subscribe(lambda: None)
    return broker


def claim_many(broker: Broker, count: int, name: str = "ada") -> list[Claim]:
    """Claims `count` jobs; waits until so many are available."""
    claims: list[Claim] = []

    def enough() -> bool:
        if len(claims) < count:
            missing = count - len(claims)
            claims.extend(broker.claim(name, pools=POOLS, limit=missing, lease_s=LEASE_S))
        return len(claims) >= count

    wait_until(enough)
    return claims


def claim_one(broker: Broker, name: str = "ada") -> Claim:
    """Claims one job; waits until one is available."""
    return claim_many(broker, 1, name)[0]


def settle(broker: Broker, claim: Claim, outcome: Outcome) -> bool:
    """Settles a job; returns whether the result counts."""
    return broker.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)])[0]
