"""Fewer points for a chart of limited width, without losing peaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def kept_points(place: NDArray[np.float64], *series: NDArray[np.float64], columns: int) -> NDArray[np.int64]:
    """The numbers of the points to draw, ascending.

    `place` has the horizontal positions from 0 to 1, ascending. In each of `columns` columns of equal width,
    the first and the last point are kept, and of each series the lowest and the highest one.
    """
    count = len(place)
    if count <= 2 * columns:
        return np.arange(count)
    column = np.minimum((place * columns).astype(np.int64), columns - 1)
    first = np.flatnonzero(np.diff(column, prepend=-1))
    last = np.append(first[1:], count) - 1
    kept = [first, last]
    for values in series:
        order = np.lexsort((values, column))
        kept += [order[first], order[last]]
    return np.unique(np.concatenate(kept))
