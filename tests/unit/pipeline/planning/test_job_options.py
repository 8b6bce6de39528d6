"""Terms travel with an asset's first job to all the others."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from eddyline.core.errors import UsageError
from eddyline.pipeline.planning.job_options import JobOptions


def test_terms_survive_their_json() -> None:
    terms = JobOptions(owner="club", urgency="bulk", deadline=1e9)
    assert JobOptions.from_json(json.loads(json.dumps(terms.to_json()))) == terms
    assert JobOptions.from_json({}) == JobOptions()


def test_what_someone_waits_for_goes_before_all_that_is_bulk() -> None:
    kinds = range(31)
    assert max(map(JobOptions().priority, kinds)) < min(map(JobOptions(urgency="bulk").priority, kinds))


def test_an_unknown_urgency_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'soon'"):
        JobOptions(urgency=cast("Any", "soon"))
