"""The functions of the Python API; import them from `eddyline.pipeline`. See docs/reference/python-api.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from eddyline import config, gpmf
from eddyline.core.stop import Stop
from eddyline.fleet.pools import load_pools
from eddyline.media.ladder.profile import load_profile
from eddyline.media.source.source import SourceFacts
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.runs.embedded import open_session
from eddyline.pipeline.runs.events import Event, RunReport
from eddyline.pipeline.runtime.probe_source import probe_source
from eddyline.pipeline.runtime.source_files import SourceFile
from eddyline.store.open_store import BUCKETS, StoreSettings


def probe(source: str | Path) -> SourceFacts:
    """Return the facts of one source: a path, or an address such as `s3://bucket/key`.

    Reads the source by ranges and decodes its first frame; writes nothing beside temporary files. Raises
    `InputError` or `UnsupportedError` for a source that cannot be processed, `MissingError`, `UsageError`.
    """
    settings = _settings()
    return probe_source(source, _toolchain(settings))


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
    settings = _settings()
    named = [sources] if isinstance(sources, str | Path) else list(sources)
    with open_session(
        Path(out),
        tools=_toolchain(settings),
        pools=load_pools(settings.pools),
        stop=stop or Stop(),
        on_event=on_event or _ignore,
        slots=slots,
    ) as session:
        return session.run(named, load_profile(str(profile)), merge=merge)


def telemetry(source: str | Path) -> gpmf.Telemetry:
    """Return the GPMF telemetry of one source: a path, or an address such as `s3://bucket/key`.

    Invalid parts are left out and listed in the result's `warnings`. Raises `gpmf.NoTelemetryError` for a
    source without telemetry, `MissingError`, `UsageError`.
    """
    _settings()
    with SourceFile.current(source).open() as src:
        return gpmf.read(src, lenient=True)


def _settings() -> config.Settings:
    """The settings of the environment; sources in buckets are read as they say."""
    settings = config.read()
    BUCKETS.configure(StoreSettings(allow_http=settings.allow_http))
    return settings


def _toolchain(settings: config.Settings) -> Toolchain:
    return Toolchain.find(settings.ffmpeg, settings.ffprobe, settings.packager)


def _ignore(event: Event) -> None:
    """Discard an event."""
