"""Terms travel with an asset's first job to all the others."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from eddyline.core.errors import UsageError
from eddyline.pipeline.planning.job_options import Terms


def test_terms_survive_their_json() -> None:
    terms = Terms(owner="club", urgency="bulk", deadline=1e9)
    assert Terms.from_json(json.loads(json.dumps(terms.to_json()))) == terms
    assert Terms.from_json({}) == Terms()


def test_what_someone_waits_for_goes_before_all_that_is_bulk() -> None:
    kinds = range(31)
    assert max(map(Terms().priority, kinds)) < min(map(Terms(urgency="bulk").priority, kinds))


def test_an_unknown_urgency_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'soon'"):
        Terms(urgency=cast("Any", "soon"))
