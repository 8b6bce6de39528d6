"""Chooses the pool of each kind of job, the cheapest that can run it, and the encoders of an asset's chunks.

The chunks of each codec have a pool of their own: H.264 may be encoded on GPUs and AV1 on CPUs.

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
    "preview": "package",
    "extend": "package",
    "quality": "assemble",
    "ladder": "inspect",
}  # for a pools.yaml from before the kind existed


@dataclass(frozen=True, kw_only=True)
class Route:
    """The pool of each kind of job, and the encoder of each codec for rungs that name none.

    `chunk_pools` has the pool that encodes the chunks of each codec.
    """

    pools: Mapping[str, str]
    chunk_pools: Mapping[str, str]
    encoders: Mapping[str, str]

    def pool(self, kind: str) -> str:
        """The pool of jobs of `kind`; raises `UnsupportedError` if there is none."""
        try:
            return self.pools.get(kind) or self.pools[_FALLBACK_KINDS.get(kind, kind)]
        except KeyError:
            raise UnsupportedError(
                f"no pool runs {kind} jobs", remedy="add the kind to a pool in pools.yaml"
            ) from None

    def chunk_pool(self, codec: str) -> str:
        """The pool of chunks of `codec`; raises `UnsupportedError` if there is none."""
        try:
            return self.chunk_pools[codec]
        except KeyError:
            raise UnsupportedError(
                f"no pool encodes {codec}", remedy="add the codec to a pool in pools.yaml"
            ) from None


@cache
def built_in_route() -> Route:
    """The route for all codecs that the built-in pools encode without a GPU."""
    return plan_route(load_pools(), {"h264": (), "hevc": (), "av1": ()})


def plan_route(pools: Pools, codecs: Mapping[str, Collection[str]]) -> Route:
    """The route of an asset whose rungs need these codecs, each with these encoders (FFmpeg's names).

    The name "", like an empty collection, stands for the pool's own encoder of the codec. One chunk job
    encodes all rungs of a codec family, in one pool. Raises `UnsupportedError` if no pool supports a codec
    with all its encoders.
    """
    encoding = {
        codec: cheapest_pool(_CHUNK, (codec,) if "" in names or not names else (), pools, set(names) - {""})
        for codec, names in codecs.items()
    }
    kinds = {kind for pool in pools.pools.values() for kind in pool.kinds} - {_CHUNK}
    return Route(
        pools={kind: cheapest_pool(kind, (), pools).name for kind in sorted(kinds)},
        chunk_pools={codec: pool.name for codec, pool in encoding.items()},
        encoders={codec: pool.codecs[codec] for codec, pool in encoding.items() if codec in pool.codecs},
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
