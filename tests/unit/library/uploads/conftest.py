from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.library.uploads.upload_helpers import UploadSite

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger


@pytest.fixture
def site(tmp_path: Path, ledger: Ledger, clock: ManualClock) -> UploadSite:
    return UploadSite(tmp_path / "library", ledger, clock)
