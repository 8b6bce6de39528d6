"""The telemetry of published assets: decoded at the first request, then read from a cache on disk.

Values and times are those of `eddyline telemetry --format json` for the source: the index of a rendition has
the times of the payloads, which the asset keeps unchanged.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eddyline import gpmf
from eddyline.core.errors import InputError, MissingError, UnsupportedError
from eddyline.core.identity import digest
from eddyline.core.name_rules import is_plain_path
from eddyline.gpmf import GpsTrack, Stream, Telemetry
from eddyline.gpmf.export.points import DEGREES
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.export.tables import TIME_DECIMALS, build_table, list_elements
from eddyline.library.telemetry.array_cache import Array, ArrayCache, Group
from eddyline.library.telemetry.track_points import good_positions
from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.pipeline.publication.published import read_manifest
from eddyline.store.store import Store

CACHE_BYTES = 1 << 30
MAX_PAYLOAD_BYTES = 128 << 20
"""The largest telemetry that is decoded here: about eight hours of a camera."""
KEEP_S = 20.0
CACHE = "cache/telemetry"
"""The directory of the cache in the data directory of a server."""
_AT_ONCE = 2  # decodings: each needs memory of several times its payloads
_LOCKS = 32
_INDEX, _TRACK = "index", "track"
TIMES = ""
"""The name of the array of times in a stream; elements have names."""
# The arrays of a track with their decimals, as in the exports.
_TRACK_DECIMALS = {
    "times": TIME_DECIMALS,
    "lat": DEGREES,
    "lon": DEGREES,
    "alt_m": 3,
    "speed_2d": 3,
    "speed_3d": 3,
    "dop": 2,
    "utc": 3,
}


@dataclass(frozen=True, kw_only=True)
class _Decoded:
    entry: str
    telemetry: Telemetry | None


class AssetTelemetry:
    """Reads the telemetry of assets in a store; `root` is the directory of its cache. Safe from any thread.

    `version` is any text that changes when the asset is published again.
    """

    def __init__(self, store: Store, root: Path, *, max_bytes: int = CACHE_BYTES) -> None:
        self._store = store
        self._cache = ArrayCache(root, max_bytes=max_bytes)
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._decoding = threading.BoundedSemaphore(_AT_ONCE)
        # The recording that was decoded last: a page asks for several of its streams at once.
        self._recent: _Decoded | None = None

    def describe(self, asset: str, version: str) -> dict[str, Any]:
        """The camera and the streams, as JSON values. Raises `MissingError` if it is not published."""
        return self._group(asset, version, _INDEX).facts

    def stream(self, asset: str, version: str, label: str) -> Group | None:
        """The times and the numeric columns of a stream; None if the asset does not have it."""
        streams = self.describe(asset, version)["streams"]
        number = next((n for n, each in enumerate(streams) if each["stream"] == label), None)
        return None if number is None else self._group(asset, version, f"s{number}")

    def track(self, asset: str, version: str) -> Group | None:
        """All samples of the GPS track; None without one."""
        if self.describe(asset, version)["track"] is None:
            return None
        return self._group(asset, version, _TRACK)

    def forget(self, asset: str) -> None:
        """Remove what the cache has of an asset."""
        self._recent = None
        self._cache.remove(f"{asset}-")

    def cached(self) -> set[str]:
        """The assets of which the cache has something."""
        return {each.partition("-")[0] for each in self._cache.names()}

    def _group(self, asset: str, version: str, group: str) -> Group:
        entry = f"{asset}-{digest(version)[:16]}"
        found = self._cache.get(entry, group)
        if found is not None:
            return found
        with self._locks[int(asset, 16) % _LOCKS], self._decoding:
            found = self._cache.get(entry, group)  # another thread may have stored it meanwhile
            if found is not None:
                return found
            with self._decoded(asset, entry) as telemetry:
                facts, arrays = _build(telemetry, group)
            self._cache.put(entry, group, facts, arrays)
            return Group(facts=dict(facts), arrays=dict(arrays))

    @contextmanager
    def _decoded(self, asset: str, entry: str) -> Iterator[Telemetry | None]:
        recent = self._recent
        if recent is None or recent.entry != entry:
            recent = self._recent = _Decoded(entry=entry, telemetry=read_published(self._store, asset))
            timer = threading.Timer(KEEP_S, self._drop, (recent,))
            timer.daemon = True
            timer.start()
        yield recent.telemetry

    def _drop(self, recent: _Decoded) -> None:
        if self._recent is recent:
            self._recent = None


def read_published(store: Store, asset: str) -> Telemetry | None:
    """Decode the telemetry of a published asset; None if it has none.

    Raises `MissingError` if the asset is not published, `UnsupportedError` if its telemetry is too large.
    """
    manifest = read_manifest(store, asset)
    if manifest is None:
        raise MissingError(f"the asset {asset} is not published", remedy="wait until it is ready")
    payloads, movie = _paths(manifest)
    if payloads is None:
        return None
    with store.ranges(asset_key(asset, payloads)) as src:
        if src.size > MAX_PAYLOAD_BYTES:
            raise UnsupportedError(
                f"the telemetry has {src.size} bytes, more than {MAX_PAYLOAD_BYTES}",
                remedy="export it with `eddyline telemetry`",
            )
        try:
            if movie is None:
                return gpmf.read(src, lenient=True)
            with store.ranges(asset_key(asset, movie)) as index:
                return gpmf.read_detached(index, src, lenient=True)
        except gpmf.NoTelemetryError:
            return None


def _paths(manifest: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The paths of the payloads, and of the rendition with the smallest file."""
    try:
        payloads = manifest["telemetry"]["payloads"]
        renditions = sorted(manifest["renditions"], key=lambda each: int(each["bytes"]))
        movie = renditions[0]["path"] if renditions else None
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(
            "the manifest of the asset cannot be read", remedy="publish the asset again"
        ) from error
    return (
        payloads if is_plain_path(payloads) else None,
        movie if is_plain_path(movie) else None,
    )


def _build(telemetry: Telemetry | None, group: str) -> tuple[dict[str, Any], dict[str, Array]]:
    if group == _INDEX:
        return _index(telemetry), {}
    if telemetry is None:
        raise InputError("the asset was published again meanwhile", remedy="repeat the request")
    if group == _TRACK:
        track = telemetry.gps
        return ({}, {}) if track is None else (_track_facts(track), _track_arrays(track))
    stream = list(telemetry.streams.values())[int(group[1:])]
    table = build_table(telemetry, stream, Selection())
    arrays: dict[str, Array] = {TIMES: table.times}
    arrays |= {column.name: column.values for column in table.columns if not isinstance(column.values, list)}
    if len(table.times) > 1 and bool((np.diff(table.times) < 0).any()):
        order = np.argsort(table.times, kind="stable")
        arrays = {name: values[order] for name, values in arrays.items()}
    return _stream_facts(stream), arrays


def _index(telemetry: Telemetry | None) -> dict[str, Any]:
    if telemetry is None:
        return {"camera": None, "duration_s": 0.0, "streams": [], "track": None, "warnings": []}
    track = telemetry.gps
    return {
        "camera": telemetry.camera.model or None,
        "duration_s": telemetry.duration_s,
        "streams": [_stream_facts(stream) for stream in telemetry.streams.values()],
        "track": None if track is None else _track_facts(track),
        "warnings": [str(each) for each in telemetry.warnings[:20]],
    }


def _stream_facts(stream: Stream) -> dict[str, Any]:
    """A stream without its samples."""
    times = stream.times
    first, last = (float(times[0]), float(times[-1])) if len(times) else (None, None)
    return {
        "stream": stream.label,
        "name": stream.name,
        "device": stream.device.name or str(stream.device.id),
        "rate_hz": round(stream.rate_hz, 6),
        "samples": len(stream),
        "first_s": None if first is None else round(first, TIME_DECIMALS),
        "last_s": None if last is None else round(last, TIME_DECIMALS),
        "elements": [
            {"name": each.name, "unit": each.unit, "numeric": each.numeric} for each in list_elements(stream)
        ],
    }


def _track_facts(track: GpsTrack) -> dict[str, Any]:
    return {
        "stream": track.stream.label,
        "altitude_reference": track.altitude_reference,
        "samples": len(track),
        "good": int(good_positions(track).sum()),
    }


def _track_arrays(track: GpsTrack) -> dict[str, Array]:
    with np.errstate(all="ignore"):  # a damaged file may contain any number
        arrays: dict[str, Array] = {
            name: np.round(getattr(track, name), places) + 0.0 for name, places in _TRACK_DECIMALS.items()
        }
    return {**arrays, "fix": track.fix, "good": good_positions(track)}
