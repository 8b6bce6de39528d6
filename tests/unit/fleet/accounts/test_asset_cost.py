"""The cost of an asset by kind, rendition and minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.accounts.asset_cost import asset_cost
from eddyline.fleet.accounts.money import Cost
from eddyline.fleet.accounts.tally import Tally

_KINDS = {
    "chunk": Tally(starts=3, listed=100, billed=50, overhead_listed=11, overhead_billed=5),
    "assemble": Tally(starts=2, listed=7, billed=7),
    "audio": Tally(starts=1, listed=5, billed=0, redone_starts=1, redone_listed=5),
}
_ASSEMBLED = {"1080p": Tally(starts=1, listed=4, billed=4), "720p": Tally(starts=1, listed=3, billed=3)}


def test_chunks_are_divided_by_weight_and_the_rest_is_shared() -> None:
    found = asset_cost(
        _KINDS,
        _ASSEMBLED,
        encode_kinds=("chunk",),
        weights={"1080p": 2, "720p": 1},
        duration_us=30_000_000,
    )
    first, second = found.renditions
    assert (first.name, first.encode, first.assemble) == ("1080p", Cost(67, 33), Cost(4, 4))
    assert (second.name, second.encode, second.assemble) == ("720p", Cost(33, 17), Cost(3, 3))
    assert first.overhead + second.overhead == Cost(11, 5)
    assert found.shared == Cost(5, 0)
    assert found.a_minute(first.cost) == Cost(142, 74)
    assert found.with_overhead == Cost(123, 62)
    assert found.total.redone_listed == 5


def test_without_weights_all_is_shared_and_without_a_duration_a_minute_is_not_known() -> None:
    found = asset_cost(_KINDS, _ASSEMBLED, encode_kinds=("chunk",), weights={}, duration_us=None)
    assert found.shared == Cost(112, 57)
    assert found.renditions == []
    assert found.a_minute(found.shared) is None


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 10**12), max_size=5), st.integers(0, 10**15))
def test_renditions_and_shared_sum_to_the_total(weights: dict[str, int], listed: int) -> None:
    kinds = {**_KINDS, "chunk": Tally(starts=1, listed=listed, billed=listed // 2)}
    found = asset_cost(kinds, _ASSEMBLED, encode_kinds=("chunk",), weights=weights, duration_us=1)
    summed = found.shared
    for each in found.renditions:
        summed += each.cost
    assert summed == Cost(found.total.listed, found.total.billed)
