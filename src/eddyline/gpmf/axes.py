"""Axis order: the axis of each of the three elements of an IMU sample.

ORIN names the axis of each stored element: "YxZ" is +Y, -X, +Z (lower case: the opposite direction). MTRX
transforms the elements to the order of ORIO. Both are equivalent, so ORIN alone is sufficient (HERO13 has
nothing else). Older cameras do not store the order and differ: see the table.
"""

from __future__ import annotations

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.gpmf.payloads import Floats

AXES = "XYZ"
_TOLERANCE = 1e-3  # rotations by right angles have only entries of 0 and 1

# Stored order of cameras without ORIN, by the device's DVNM in lower case.
STORED_ORDER = {
    "camera": "ZXY",  # HERO5 ("up/down, right/left, forward/back"; gyroscope "z,x,y")
    "fusion": "yXZ",
    "hero6 black": "YxZ",
    "hero7 black": "YxZ",
}


def is_order(text: str) -> bool:
    """Whether the text names each of the three axes once."""
    return sorted(text.upper()) == sorted(AXES)


def order_from_matrix(matrix: Floats, order: str) -> str | None:
    """The stored order that MTRX [3, 3] and ORIO define; None unless axes are only swapped and flipped."""
    rounded = np.rint(matrix)
    if (
        not is_order(order)
        or np.abs(matrix - rounded).max() > _TOLERANCE
        or not (np.abs(rounded).sum(0) == 1).all()
    ):
        return None
    stored = ""
    for column in range(3):
        row = int(np.argmax(np.abs(rounded[:, column])))
        axis = order[row]
        stored += axis if rounded[row, column] > 0 else axis.swapcase()
    return stored if is_order(stored) else None


def reorder(values: Floats, stored: str, wanted: str = AXES) -> Floats:
    """Rows [n, 3] in the wanted order: rows stored as "YxZ" become [-v1, v0, v2].

    Raises:
        UnsupportedError: the rows do not have three elements, or an order is invalid.
    """
    if values.shape[1:] != (len(AXES),) or not is_order(stored) or not is_order(wanted):
        raise UnsupportedError(
            f"axes {stored!r} of {values.shape} values cannot be converted to the order {wanted!r}"
        )
    upper = stored.upper()
    columns = [upper.index(axis.upper()) for axis in wanted]
    signs = [1.0 if stored[at] == axis else -1.0 for at, axis in zip(columns, wanted, strict=True)]
    reordered: Floats = values[:, columns] * np.array(signs)
    return reordered
