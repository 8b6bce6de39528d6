"""Price protection of EC2 Auto Scaling: which of the matching types are too expensive to be used.

Source: InstanceRequirements in the Auto Scaling API reference. The identified price is the lowest of the
current generation's C, M and R types that match; else of all current types that match; else of the previous
ones. Types priced more than the percentage above it are left out. Groups that count vCPU compare prices per
vCPU.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eddyline.fleet.catalogue.instance_types import InstanceType

NO_LIMIT = 999_999
"""The percentage that means no limit."""
_GENERAL = re.compile(r"[cmr][0-9]")
_TOLERANCE = 1 + 1e-9  # a type exactly at the limit is used


@dataclass(frozen=True, kw_only=True)
class PriceProtection:
    """The types within the limit, and those above it. `limit` in dollars an hour (for each vCPU) or None.

    `identified` is the type whose price the limit is relative to. Types without a known price are in neither.
    """

    identified: str
    limit: float | None
    kept: tuple[InstanceType, ...]
    excluded: tuple[InstanceType, ...]


def protect_price(
    types: Sequence[InstanceType], prices: Mapping[str, float], *, max_percent: int, per_vcpu: bool = True
) -> PriceProtection:
    """Divide `types` by price. `prices` are dollars an hour by type."""
    priced = {
        each.name: prices[each.name] / (each.vcpu if per_vcpu else 1) for each in types if each.name in prices
    }
    known = [each for each in types if each.name in priced]
    if not known:
        return PriceProtection(identified="", limit=None, kept=(), excluded=())
    identified = min(_candidates(known), key=lambda each: (priced[each.name], each.name))
    if max_percent >= NO_LIMIT:
        return PriceProtection(identified=identified.name, limit=None, kept=tuple(known), excluded=())
    limit = priced[identified.name] * (1 + max_percent / 100)
    kept = tuple(each for each in known if priced[each.name] <= limit * _TOLERANCE)
    excluded = tuple(each for each in known if priced[each.name] > limit * _TOLERANCE)
    return PriceProtection(identified=identified.name, limit=limit, kept=kept, excluded=excluded)


def _candidates(known: Sequence[InstanceType]) -> Sequence[InstanceType]:
    current = [each for each in known if each.current_generation]
    general = [each for each in current if _GENERAL.match(each.name)]
    return general or current or known
