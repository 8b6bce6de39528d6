"""The end of runs whose work is never done."""

from __future__ import annotations

from eddyline.core.errors import UsageError

_MOST_OVERTIME = 50.0


class UnfinishedError(UsageError):
    """The capacity that a policy provides does not do the work in any reasonable time."""


def check_overtime(now: float, end_s: float, assets: int) -> None:
    """Raise `UnfinishedError` if a run takes many times as long as its scenario; `assets` are not ready."""
    if now > _MOST_OVERTIME * end_s:
        raise UnfinishedError(
            f"after {now / 3600:,.0f} hours, {assets:,} assets are still not ready: "
            "the policy does not provide the capacity that the work needs",
            remedy="raise the capacity of the market, add an On-Demand type, or lower workload.load",
        )
