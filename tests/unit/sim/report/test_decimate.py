from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eddyline.sim.report.decimate import kept_points


@given(st.integers(0, 3000), st.integers(1, 50), st.integers(0, 2**32))
def test_peaks_of_each_column_and_both_ends_are_kept(count: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    place = np.sort(rng.random(count))
    values, other = rng.integers(0, 9, count).astype(float), rng.standard_normal(count)
    kept = kept_points(place, values, other, columns=columns)
    assert (np.diff(kept) > 0).all()
    assert len(kept) <= max(2 * columns, 6 * columns)
    column = np.minimum((place * columns).astype(int), columns - 1)
    for series in (values, other):
        for each in np.unique(column):
            inside, shown = series[column == each], series[kept][column[kept] == each]
            assert (inside.min(), inside.max()) == (shown.min(), shown.max())
    if count:
        assert kept[0] == 0
        assert kept[-1] == count - 1
