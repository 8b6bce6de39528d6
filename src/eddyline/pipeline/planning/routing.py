"""How inspection chooses the pools of an asset's jobs: by pools.yaml, or by what one machine can do."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeAlias

from eddyline.core.errors import UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.fleet import routing
from eddyline.fleet.encoder_check import check_encoders
from eddyline.fleet.pools import Pools, cheapest_pool
from eddyline.fleet.routing import Route, restrict_encoders, without_chunk_jobs
from eddyline.media.ladder.encoders import DEFAULT_ENCODERS, is_hardware
from eddyline.media.ladder.ladder import required_encoders, rungs
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain

Router: TypeAlias = Callable[[Profile, VideoFacts], Route]
"""Chooses the pools of one asset's jobs. Raises `UnsupportedError` if no pool can run them."""


def inspect_pool(pools: Pools) -> str:
    """The pool of an asset's first job. Raises `UnsupportedError` if no pool inspects sources."""
    return cheapest_pool("inspect", (), pools).name


def fleet_router(pools: Pools) -> Router:
    """Routes through a fleet, whose workers check at their start that they have their pool's encoders."""
    return lambda profile, facts: _route(pools, profile, facts)


def local_router(pools: Pools, tools: Toolchain) -> Router:
    """Routes where one process serves all pools with one FFmpeg: only to encoders of this FFmpeg.

    FFmpeg lists GPU encoders that the machine cannot run, so each is tested before an asset uses it.
    """
    failures: dict[str, UnsupportedError | None] = {}  # by encoder; None: it works

    def is_broken(encoder: str, pool: str) -> bool:
        if encoder not in failures:
            try:
                check_encoders(tools.ffmpeg, [encoder], pool=pool, runner=Runner())
                failures[encoder] = None
            except UnsupportedError as error:
                failures[encoder] = error
        return failures[encoder] is not None

    def route(profile: Profile, facts: VideoFacts) -> Route:
        usable = set(tools.encoders)
        while True:
            try:
                found = _route(restrict_encoders(pools, usable), profile, facts)
            except UnsupportedError:
                # An encoder that FFmpeg lacks is a better explanation than that no pool has it.
                planned = _route(pools, profile, facts)
                tools.require({encoder for _, encoder in _encoders(planned, profile, facts)})
                raise next((error for error in failures.values() if error), None) or _unsupported(
                    tools
                ) from None
            broken = {
                encoder
                for codec, encoder in _encoders(found, profile, facts)
                if is_hardware(encoder) and is_broken(encoder, found.chunk_pool(codec))
            }
            if not broken:
                return found
            usable -= broken

    return route


def software_pool(pools: Pools, codec: str) -> str | None:
    """The cheapest pool whose chunks of `codec` the codec's default encoder encodes; None without one."""
    able = [
        pool
        for pool in pools.pools.values()
        if pool.can_run("chunk", (codec,)) and pool.codecs[codec] == DEFAULT_ENCODERS[codec]
    ]
    return min(able, key=lambda pool: pool.cost).name if able else None


def _route(pools: Pools, profile: Profile, facts: VideoFacts) -> Route:
    """The cheapest route whose encoders accept this source: its frame size and its timestamps.

    Each codec has its own pool.
    """
    names: dict[str, set[str]] = {}
    for request in required_encoders(profile, facts):
        names.setdefault(request.codec, set()).add(request.encoder)
    routes = [_codec_route(pools, codec, names[codec], profile, facts) for codec in sorted(names)]
    return replace(
        routes[0],
        chunk_pools={codec: pool for each in routes for codec, pool in each.chunk_pools.items()},
        encoders={codec: encoder for each in routes for codec, encoder in each.encoders.items()},
    )


def _codec_route(
    pools: Pools, codec: str, names: Collection[str], profile: Profile, facts: VideoFacts
) -> Route:
    """The cheapest route for the rungs of one codec."""
    own = profile.model_copy(update={"rungs": tuple(each for each in profile.rungs if each.codec == codec)})
    first_error: UnsupportedError | None = None
    while True:
        try:
            found = routing.plan_route(pools, {codec: names})
        except UnsupportedError as error:
            raise first_error or error from None
        try:
            rungs(own, facts, found.encoders)
        except UnsupportedError as error:
            first_error = first_error or error
            pools = without_chunk_jobs(pools, found.chunk_pool(codec))
        else:
            return found


def _encoders(route: Route, profile: Profile, facts: VideoFacts) -> set[tuple[str, str]]:
    """The codecs of this source's rungs, with the encoders of each."""
    requests = required_encoders(profile, facts)
    return {(each.codec, each.encoder or route.encoders[each.codec]) for each in requests}


def _unsupported(tools: Toolchain) -> UnsupportedError:
    return UnsupportedError(
        f"no pool can encode all codecs of this profile with {tools.ffmpeg} {tools.ffmpeg_version}",
        remedy="in pools.yaml, give these codecs to pools, with encoders that this FFmpeg has",
    )
