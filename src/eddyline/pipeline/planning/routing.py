"""How inspection finds out where an asset's jobs go: by the fleet's classes, or by what a machine can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from eddyline.core.errors import UnsupportedError
from eddyline.core.process import Runner
from eddyline.fleet import routing
from eddyline.fleet.encoder_check import check_encoders
from eddyline.fleet.pools import Pools, cheapest_pool
from eddyline.fleet.routing import Route, restrict_encoders, without_chunk_jobs
from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import required_encoders, rungs
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain

Router: TypeAlias = Callable[[Profile, VideoFacts], Route]
"""Decides where the jobs of one asset go. Raises `UnsupportedError` if no class can do them."""


def inspect_pool(pools: Pools) -> str:
    """The class of an asset's first job. Raises `UnsupportedError` if no class inspects footage."""
    return cheapest_pool("inspect", (), pools).name


def fleet_router(pools: Pools) -> Router:
    """The route through a fleet: each class proves by itself that it can do what it says."""
    return lambda profile, facts: _route(pools, profile, facts)


def local_router(pools: Pools, tools: Toolchain) -> Router:
    """The route where one process serves all classes, with one FFmpeg: only what that FFmpeg can do.

    A GPU's encoder is tried before the first asset goes to it, for its being listed says nothing.
    """
    broken: dict[str, UnsupportedError | None] = {}

    def is_broken(encoder: str, pool: str) -> bool:
        if encoder not in broken:
            try:
                check_encoders(tools.ffmpeg, [encoder], pool=pool, runner=Runner())
                broken[encoder] = None
            except UnsupportedError as error:
                broken[encoder] = error
        return broken[encoder] is not None

    def decide(profile: Profile, facts: VideoFacts) -> Route:
        usable = set(tools.encoders)
        while True:
            try:
                found = _route(restrict_encoders(pools, usable), profile, facts)
            except UnsupportedError:
                # What FFmpeg lacks says more than that no class has it.
                tools.require(_encoders(_route(pools, profile, facts), profile, facts))
                raise next((why for why in broken.values() if why), None) or _unable(tools) from None
            used = {each for each in _encoders(found, profile, facts) if is_hardware(each)}
            failing = {each for each in used if is_broken(each, found.pool("chunk"))}
            if not failing:
                return found
            usable -= failing

    return decide


def _route(pools: Pools, profile: Profile, facts: VideoFacts) -> Route:
    """The cheapest route whose encoders take this very footage: its size, and its frames' times."""
    asked = required_encoders(profile, facts)
    codecs = {wish.codec for wish in asked if not wish.encoder}
    encoders = {wish.encoder for wish in asked if wish.encoder}
    refused: UnsupportedError | None = None
    while True:
        try:
            found = routing.plan_route(pools, codecs, encoders)
        except UnsupportedError as error:
            raise refused or error from None
        try:
            rungs(profile, facts, found.encoders)
        except UnsupportedError as error:
            refused = refused or error
            pools = without_chunk_jobs(pools, found.pool("chunk"))
        else:
            return found


def _encoders(found: Route, profile: Profile, facts: VideoFacts) -> set[str]:
    return {wish.encoder or found.encoders[wish.codec] for wish in required_encoders(profile, facts)}


def _unable(tools: Toolchain) -> UnsupportedError:
    return UnsupportedError(
        f"no worker class can encode this with {tools.ffmpeg} {tools.ffmpeg_version}",
        remedy="add the codecs together to one class in pools.yaml, with encoders that this FFmpeg has",
    )
