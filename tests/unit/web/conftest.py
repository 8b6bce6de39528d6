"""A server with an empty library, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.web.web_app import client_of, open_services

from eddyline.web.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The services of a local server; modules override it."""
    opened = open_services(tmp_path)
    yield opened
    opened.ledger.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    """A client of `services`, whose background work runs."""
    with client_of(services) as opened:
        yield opened
