"""The cost of one asset: by kind of job, by rendition, and a minute of output.

One chunk job encodes all renditions at once: its cost is divided over them by the weight of their encoding.
An `assemble` job belongs to its rendition. All other jobs serve all renditions: their cost is shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eddyline.fleet.accounts.money import Cost, apportion, per_minute
from eddyline.fleet.accounts.tally import Tally, total_of


@dataclass(frozen=True, kw_only=True)
class RenditionCost:
    """The cost of one rendition: of its share of the encoding, of its assembly, and its share of overheads.

    `weight` is the weight of its encoding among the renditions.
    """

    name: str
    weight: int
    encode: Cost
    assemble: Cost
    overhead: Cost

    @property
    def cost(self) -> Cost:
        """Encoding and assembly, without overheads."""
        return self.encode + self.assemble


@dataclass(frozen=True, kw_only=True)
class AssetCost:
    """The cost of one asset. `kinds` has the sums by kind of job.

    `renditions` is empty where the weights are not known: then all is in `shared`. The costs of the
    renditions and `shared` sum to the cost of `total`. `duration_us` is that of the source, None: not known.
    """

    kinds: Mapping[str, Tally]
    total: Tally
    renditions: Sequence[RenditionCost]
    shared: Cost
    duration_us: int | None

    def a_minute(self, cost: Cost) -> Cost | None:
        """A cost for each minute of the source, so of the output; None where the duration is not known."""
        if not self.duration_us:
            return None
        listed, billed = per_minute(cost.listed, self.duration_us), per_minute(cost.billed, self.duration_us)
        return None if listed is None or billed is None else Cost(listed, billed)

    @property
    def with_overhead(self) -> Cost:
        """The cost of the starts and the share of overheads."""
        return Cost(self.total.listed, self.total.billed) + self.total.overhead


def asset_cost(
    kinds: Mapping[str, Tally],
    assembled: Mapping[str, Tally],
    *,
    encode_kinds: Sequence[str],
    weights: Mapping[str, int],
    duration_us: int | None,
) -> AssetCost:
    """The cost of an asset from the sums of its jobs.

    `kinds` has the sums by kind, `assembled` those of the jobs of single renditions by the rendition's name
    (a part of `kinds`). `encode_kinds` are the kinds that encode all renditions at once, `weights` the weight
    of the encoding of each rendition, in the order of the result; empty: not known.
    """
    total = total_of(kinds.values())
    encoding = total_of(kinds[kind] for kind in encode_kinds if kind in kinds)
    known = {name: weight for name, weight in weights.items() if weight > 0}
    parts = {
        field: apportion(getattr(encoding, field), list(known.values()))
        for field in ("listed", "billed", "overhead_listed", "overhead_billed")
    }
    renditions = []
    for place, (name, weight) in enumerate(known.items()):
        own = assembled.get(name, Tally())
        renditions.append(
            RenditionCost(
                name=name,
                weight=weight,
                encode=Cost(parts["listed"][place], parts["billed"][place]),
                assemble=Cost(own.listed, own.billed),
                overhead=Cost(parts["overhead_listed"][place], parts["overhead_billed"][place])
                + own.overhead,
            )
        )
    listed = total.listed - sum(each.cost.listed for each in renditions)
    billed = total.billed - sum(each.cost.billed for each in renditions)
    return AssetCost(
        kinds=dict(kinds),
        total=total,
        renditions=renditions,
        shared=Cost(listed, billed),
        duration_us=duration_us,
    )
