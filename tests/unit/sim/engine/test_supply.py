from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from eddyline.sim.engine.supply import lowered_ahead

CHANGES = st.lists(
    st.tuples(st.integers(1, 1000), st.integers(0, 9)), max_size=12, unique_by=lambda each: each[0]
)


def count_at(changes: list[tuple[float, int]], at: float) -> int:
    return next(count for since, count in reversed(changes) if since <= at)


@given(CHANGES, st.integers(0, 9), st.sampled_from([0, 1, 60, 120, 5000]))
def test_launches_fit_only_if_they_survive_the_notice_time(
    changes: list[tuple[int, int]], first: int, lead: int
) -> None:
    capacity = [(0.0, first), *sorted((float(at), count) for at, count in changes)]
    found = lowered_ahead(capacity, float(lead))
    rng = random.Random(1)
    for at in [0.0, *(rng.uniform(0, 1200) for _ in range(60)), *(since for since, _ in capacity)]:
        within = [count_at(capacity, at), *(c for since, c in capacity if at <= since <= at + lead)]
        assert count_at(found, at) == min(within)
