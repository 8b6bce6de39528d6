"""The options of an asset's first job are inherited by all others."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from eddyline.core.errors import UsageError
from eddyline.pipeline.planning.job_options import JobOptions


def test_options_round_trip_through_json() -> None:
    options = JobOptions(owner="club", urgency="bulk", deadline=1e9)
    assert JobOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
    assert JobOptions.from_json({}) == JobOptions()


def test_interactive_jobs_have_priority_over_all_bulk_jobs() -> None:
    kinds = range(31)
    assert max(map(JobOptions().priority, kinds)) < min(map(JobOptions(urgency="bulk").priority, kinds))


def test_an_unknown_urgency_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'soon'"):
        JobOptions(urgency=cast("Any", "soon"))
