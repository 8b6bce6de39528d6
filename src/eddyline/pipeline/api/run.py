"""`eddyline.pipeline.run`: sources to published assets, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from eddyline.core.stop import Stop
from eddyline.fleet.pools import load_pools
from eddyline.media.ladder.profile import load_profile
from eddyline.pipeline.api.environment import find_toolchain, read_settings
from eddyline.pipeline.runs.embedded import open_session
from eddyline.pipeline.runs.events import Event, RunReport


def run(
    sources: str | Path | Iterable[str | Path],
    *,
    out: str | Path,
    profile: str | Path = "default",
    slots: int | None = None,
    merge: bool = True,
    on_event: Callable[[Event], None] | None = None,
    stop: Stop | None = None,
) -> RunReport:
    """Process sources in this process and publish their assets below the directory `out`.

    `sources` are files, directories and addresses in a store. `profile` is a name or a YAML file. `slots` is
    the number of jobs that run at once (None: one per CPU core). `merge`: chapter files that a camera split
    one recording into become one asset. `on_event` is called with each event, from this thread and from
    worker threads. `stop.request(reason)`, called from another thread, ends the run early; a later run with
    the same arguments continues it.

    A source that fails does not raise: the report lists it under `failed`. Raises `UsageError` for an invalid
    profile or setting, and if another process uses `out`.
    """
    settings = read_settings()
    named = [sources] if isinstance(sources, str | Path) else list(sources)
    with open_session(
        Path(out),
        tools=find_toolchain(settings),
        pools=load_pools(settings.pools),
        stop=stop or Stop(),
        on_event=on_event or _ignore,
        slots=slots,
    ) as session:
        return session.run(named, load_profile(str(profile)), merge=merge)


def _ignore(event: Event) -> None:
    """Discard an event."""
