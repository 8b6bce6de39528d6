from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.library.uploads.upload_helpers import UploadSite

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger


@pytest.fixture
def site(tmp_path: Path) -> Iterator[UploadSite]:
    clock = ManualClock()
    with Ledger.open(tmp_path / "ledger.sqlite", clock=clock) as ledger:
        yield UploadSite(tmp_path / "library", ledger, clock)
