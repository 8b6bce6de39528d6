"""How inspection chooses the pools of an asset's jobs: by pools.yaml, or by what one machine can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from eddyline.core.errors import UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.fleet import routing
from eddyline.fleet.encoder_check import check_encoders
from eddyline.fleet.pools import Pools, cheapest_pool
from eddyline.fleet.routing import Route, restrict_encoders, without_chunk_jobs
from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import required_encoders, rungs
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.job_kinds import JOB_KINDS

Router: TypeAlias = Callable[[Profile, VideoFacts], Route]
"""Chooses the pools of one asset's jobs. Raises `UnsupportedError` if no pool can run them."""

_ENCODE_KIND = next(kind.name for kind in JOB_KINDS.values() if kind.encodes_video)


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
                tools.require(_encoders(_route(pools, profile, facts), profile, facts))
                raise next((error for error in failures.values() if error), None) or _unsupported(
                    tools
                ) from None
            hardware = {each for each in _encoders(found, profile, facts) if is_hardware(each)}
            broken = {each for each in hardware if is_broken(each, found.pool(_ENCODE_KIND))}
            if not broken:
                return found
            usable -= broken

    return route


def _route(pools: Pools, profile: Profile, facts: VideoFacts) -> Route:
    """The cheapest route whose encoders accept this source: its frame size and its timestamps."""
    requests = required_encoders(profile, facts)
    codecs = {request.codec for request in requests if not request.encoder}
    encoders = {request.encoder for request in requests if request.encoder}
    first_error: UnsupportedError | None = None
    while True:
        try:
            found = routing.plan_route(pools, codecs, encoders)
        except UnsupportedError as error:
            raise first_error or error from None
        try:
            rungs(profile, facts, found.encoders)
        except UnsupportedError as error:
            first_error = first_error or error
            pools = without_chunk_jobs(pools, found.pool(_ENCODE_KIND))
        else:
            return found


def _encoders(route: Route, profile: Profile, facts: VideoFacts) -> set[str]:
    requests = required_encoders(profile, facts)
    return {request.encoder or route.encoders[request.codec] for request in requests}


def _unsupported(tools: Toolchain) -> UnsupportedError:
    return UnsupportedError(
        f"no pool can encode all codecs of this profile with {tools.ffmpeg} {tools.ffmpeg_version}",
        remedy="in pools.yaml, give one pool all of these codecs, with encoders that this FFmpeg has",
    )
