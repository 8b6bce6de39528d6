from __future__ import annotations

import pytest

from eddyline.core.errors import UsageError
from eddyline.sim.engine.overtime import check_overtime


def test_a_run_that_never_ends_is_an_error() -> None:
    check_overtime(5000.0, 100.0, 1)
    with pytest.raises(UsageError, match="7 assets are still not ready"):
        check_overtime(5001.0, 100.0, 7)
