"""Markets for tests, and Hypothesis strategies of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from eddyline.sim.market.market import Market, MarketPool

END_S = 7200.0


def pool(**fields: Any) -> MarketPool:
    return MarketPool(**{"name": "a", "type": "c8g.large", "zone": "us-east-1a", "units": 5, **fields})


def market(*pools: MarketPool, end_s: float = END_S) -> Market:
    return Market(name="m", source="a test", licence="CC0", note="", end_s=end_s, pools=pools)


_times = st.floats(0, END_S, exclude_min=True, exclude_max=True, allow_subnormal=False).map(
    lambda t: round(t, 3)
)


@st.composite
def capacity_pools(draw: st.DrawFn) -> MarketPool:
    times = [0.0, *sorted({t for t in draw(st.lists(_times, max_size=12)) if t > 0})]
    counts = draw(st.lists(st.integers(0, 5), min_size=len(times), max_size=len(times)))
    changes = [(times[0], counts[0])]
    for at, count in zip(times[1:], counts[1:], strict=True):
        if count != changes[-1][1]:
            changes.append((at, count))
    return pool(capacity=tuple(changes))


@st.composite
def node_pools(draw: st.DrawFn) -> MarketPool:
    nodes: list[tuple[float, float | None]] = []
    for start, length, open_end in draw(
        st.lists(st.tuples(_times, _times, st.booleans()), min_size=1, max_size=12)
    ):
        end = None if open_end else min(start + length, END_S)
        if end is None or end > start:
            nodes.append((start, end))
    return pool(nodes=tuple(sorted(nodes, key=lambda node: node[0])) or ((0.0, None),), units=12)


markets = st.lists(st.one_of(capacity_pools(), node_pools()), min_size=1, max_size=3).map(
    lambda pools: market(*(MarketPool(**{**vars(each), "name": f"p{n}"}) for n, each in enumerate(pools)))
)
