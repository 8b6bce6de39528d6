"""The stores that the conformance suite runs on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from tests.servers.ministack import Ministack
from tests.unit.store.bucket_servers import PART

from eddyline.store.local import LocalStore
from eddyline.store.objects import ObjectStore
from eddyline.store.open_store import open_store
from eddyline.store.store import Store


@pytest.fixture(params=["directory", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty media store: a directory, an object store in memory, a prefix of a bucket."""
    if request.param == "directory":
        return LocalStore(tmp_path / "store")
    if request.param == "memory":
        return ObjectStore(MemoryStore(), address="memory", part=PART)
    server: Ministack = request.getfixturevalue("ministack")
    return open_store(f"s3://{server.bucket()}/media/of tests", server.settings)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A directory for local files to store and for fetched ones."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    return directory


@pytest.fixture(autouse=True)
def _no_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
