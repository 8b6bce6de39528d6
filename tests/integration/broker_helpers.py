"""Helpers for tests of brokers: the transports, and the calls of a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.integration.aws_site import LEASE_S, REGION, Direct, Distant
from tests.servers.ministack import Ministack
from tests.unit.graph.postgres_server import empty_database
from tests.waiting import wait_until

from eddyline.graph.job import Claim, Outcome, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.broker import Broker

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
CLASSES = ("cpu",)
B = TypeVar("B", bound=Broker)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that the test server takes like any others."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["direct-sqlite", "direct-postgresql", "sqs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Direct | Distant]:
    """Each of the ways in which workers get their jobs."""
    made: Direct | Distant
    if request.param == "sqs":
        request.getfixturevalue("keys")
        server: Ministack = request.getfixturevalue("ministack")
        made = Distant(server.url, tmp_path / "ledger.db")
    elif request.param == "direct-sqlite":
        made = Direct(Ledger.open(tmp_path / "ledger.db"))
    else:
        made = Direct(Ledger.open(empty_database(str(request.getfixturevalue("postgres")))))
    yield made
    made.close()


@pytest.fixture
def distant(ministack: Ministack, tmp_path: Path, keys: None) -> Iterator[Callable[..., Distant]]:  # noqa: ARG001 - they must be there
    """Makes places by queues."""
    made: list[Distant] = []

    def make(**options: Any) -> Distant:
        made.append(Distant(ministack.url, tmp_path / "ledger.db", **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def joined(place: Direct | Distant, name: str = "ada") -> Broker:
    """A worker's broker, that fetches as if a worker ran."""
    return present(place.broker(), name)


def present(broker: B, name: str = "ada") -> B:
    """The broker, with its worker there."""
    broker.register(name, "here", 1, LEASE_S)
    broker.subscribe(lambda: None)
    return broker


def claims(broker: Broker, count: int, name: str = "ada") -> list[Claim]:
    """So many jobs, once they are there."""
    found: list[Claim] = []

    def enough() -> bool:
        if len(found) < count:
            wanted = count - len(found)
            found.extend(broker.claim(name, pools=CLASSES, limit=wanted, lease_s=LEASE_S))
        return len(found) >= count

    wait_until(enough)
    return found


def claimed(broker: Broker, name: str = "ada") -> Claim:
    """One job, once it is there."""
    return claims(broker, 1, name)[0]


def settle(broker: Broker, held: Claim, outcome: Outcome) -> bool:
    """Answer a job; whether that counts."""
    return broker.settle([Settlement(job_id=held.job.id, fence=held.fence, outcome=outcome)])[0]
