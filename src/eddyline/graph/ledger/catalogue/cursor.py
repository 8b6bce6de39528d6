"""Cursors of listings: the place in the order after which the next page starts.

A page starts after the key of the last row of the page before, not after a number of rows. So rows that are
added or removed meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

import base64
import binascii
import json
import math

from eddyline.core.errors import UsageError
from eddyline.core.identity import canonical
from eddyline.graph.ledger.catalogue.asset import Order

_MAX_LENGTH = 1500  # an asset's id has at most 300 characters


def encode(order: Order, created: float, asset: str) -> str:
    """The cursor after the asset with this key."""
    return base64.urlsafe_b64encode(canonical([order.value, created, asset])).decode().rstrip("=")


def decode(cursor: str, order: Order) -> tuple[float, str]:
    """The key (created, asset) of a cursor of a listing in this order; raises `UsageError`."""
    if len(cursor) > _MAX_LENGTH:
        raise _invalid()
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values = json.loads(data)
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid() from None
    match values:
        case [str() as direction, int() | float() as created, str() as asset]:
            if direction == order.value and math.isfinite(created) and "\0" not in asset:
                return float(created), asset
    raise _invalid()


def _invalid() -> UsageError:
    return UsageError(
        "the cursor of the listing is invalid",
        remedy="use the cursor of the page before, with the same order, or start without one",
    )
