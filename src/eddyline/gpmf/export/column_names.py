"""Column names of a stream's elements (see `keys.STREAMS`); the elements of unknown streams are numbered."""

from __future__ import annotations

from eddyline.gpmf.keys import STREAMS
from eddyline.gpmf.streams import Stream


def column_names(stream: Stream, *, turned: bool = False) -> tuple[str, ...]:
    """A distinct name for each element of a stream's rows.

    For an IMU stream the axes, as stored ("y", "neg_x", "z") or, if `turned`, in order; else the names in
    the table, and "v3" for element 3 without a name.
    """
    count = len(stream.type) or max(stream.pieces.size, 1)
    if turned:
        return ("x", "y", "z")
    elements = STREAMS[stream.key].elements if stream.key in STREAMS else ()
    order = stream.axis_order
    if not elements and len(order) == count:
        return tuple(axis.lower() if axis.isupper() else f"neg_{axis}" for axis in order)
    known = elements[:count]
    return (*known, *(f"v{number}" for number in range(len(known), count)))
