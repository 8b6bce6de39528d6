"""Chooses the pool of each kind of job, the cheapest that can run it, and the encoders of an asset's chunks.

Pure. Routes are planned once, when the source has been inspected: a worker whose pools file differs encodes
as planned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from eddyline.core.errors import UnsupportedError
from eddyline.fleet.pools import Pools, cheapest_pool, load_pools

_CHUNK = "chunk"
"""The kind of job whose pool must support the codecs of the asset."""
_FALLBACK_KINDS = {
    "subtitles": "telemetry",
    "samples": "assemble",
}  # for a pools.yaml from before the kind existed


@dataclass(frozen=True, kw_only=True)
class Route:
    """The pool of each kind of job, and the encoder of each codec for rungs that name none."""

    pools: Mapping[str, str]
    encoders: Mapping[str, str]

    def pool(self, kind: str) -> str:
        """The pool of jobs of `kind`; raises `UnsupportedError` if there is none."""
        try:
            return self.pools.get(kind) or self.pools[_FALLBACK_KINDS.get(kind, kind)]
        except KeyError:
            raise UnsupportedError(
                f"no pool runs {kind} jobs", remedy="add the kind to a pool in pools.yaml"
            ) from None


@cache
def built_in_route() -> Route:
    """The route for all codecs that the built-in pools encode without a GPU."""
    return plan_route(load_pools(), ("h264", "hevc", "av1"))


def plan_route(pools: Pools, codecs: Collection[str], encoders: Collection[str] = ()) -> Route:
    """The route of an asset whose rungs need `codecs`, with any encoder, and `encoders` by name.

    Raises `UnsupportedError` if no pool supports all of them: one chunk job encodes all rungs, in one pool.
    """
    encoding = cheapest_pool(_CHUNK, codecs, pools, encoders)
    kinds = {kind for pool in pools.pools.values() for kind in pool.kinds} - {_CHUNK}
    return Route(
        pools={
            _CHUNK: encoding.name,
            **{kind: cheapest_pool(kind, (), pools).name for kind in sorted(kinds)},
        },
        encoders=dict(encoding.codecs),
    )


def restrict_encoders(pools: Pools, encoders: Collection[str]) -> Pools:
    """The same pools, with only those codecs that the `encoders` of one FFmpeg can encode."""
    return Pools(
        pools={
            name: pool.model_copy(
                update={
                    "codecs": {codec: each for codec, each in pool.codecs.items() if each in encoders},
                    "encoders": pool.encoders & frozenset(encoders),
                }
            )
            for name, pool in pools.pools.items()
        }
    )


def without_chunk_jobs(pools: Pools, name: str) -> Pools:
    """The same pools, except that pool `name` runs no chunk jobs."""
    changed = pools[name].model_copy(update={"kinds": pools[name].kinds - {_CHUNK}})
    return Pools(pools={**pools.pools, name: changed})
