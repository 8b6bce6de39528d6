"""Where an asset's jobs go: for each kind the cheapest class able to run it, and what encodes its chunks.

Pure, and decided once, when the footage has been inspected: a worker with another file of classes encodes
what the plan says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from eddyline.core.errors import UnsupportedError
from eddyline.fleet.pools import Pools, cheapest_pool, load_pools

_ENCODING = "chunk"
"""The kind of job whose class must be able to do the asset's codecs."""
_INSTEAD = {"subtitles": "telemetry", "samples": "assemble"}  # in a pools.yaml that is older than the kind


@dataclass(frozen=True, kw_only=True)
class Route:
    """The class for each kind of job, and the encoder for each codec where a rung asks for none."""

    classes: Mapping[str, str]
    encoders: Mapping[str, str]

    def pool(self, kind: str) -> str:
        """The class of jobs of `kind`; raises `UnsupportedError` if there is none."""
        try:
            return self.classes.get(kind) or self.classes[_INSTEAD.get(kind, kind)]
        except KeyError:
            raise UnsupportedError(
                f"no worker class runs {kind} jobs", remedy="add the kind to a class in pools.yaml"
            ) from None


@cache
def built_in_route() -> Route:
    """The route of whatever the built-in classes can do without a GPU."""
    return plan_route(load_pools(), ("h264", "hevc", "av1"))


def plan_route(pools: Pools, codecs: Collection[str], encoders: Collection[str] = ()) -> Route:
    """The route of an asset whose rungs want `codecs` by any encoder, and `encoders` by name.

    Raises `UnsupportedError` if no class can do all of it: one chunk makes all rungs, in one class.
    """
    encoding = cheapest_pool(_ENCODING, codecs, pools, encoders)
    kinds = {kind for pool in pools.pools.values() for kind in pool.kinds} - {_ENCODING}
    return Route(
        classes={
            _ENCODING: encoding.name,
            **{kind: cheapest_pool(kind, (), pools).name for kind in sorted(kinds)},
        },
        encoders=dict(encoding.codecs),
    )


def restrict_encoders(pools: Pools, encoders: Collection[str]) -> Pools:
    """The same classes, with only those codecs that can be had with one FFmpeg's `encoders`."""
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
    """The same classes, but that class `name` encodes nothing."""
    passed = pools[name].model_copy(update={"kinds": pools[name].kinds - {_ENCODING}})
    return Pools(pools={**pools.pools, name: passed})
