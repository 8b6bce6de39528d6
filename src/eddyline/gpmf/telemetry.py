"""Reads all telemetry of a file with one call.

telemetry = gpmf.read("GX010001.MP4") telemetry.streams["ACCL"].values        float64[n, 3], m/s2
telemetry.gps.lat                       float64[n]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from eddyline.gpmf.camera import Camera, read_camera
from eddyline.gpmf.decode import decode_payloads
from eddyline.gpmf.errors import ParseWarning, WarningCollector
from eddyline.gpmf.format.klv import Document
from eddyline.gpmf.format.reader import parse
from eddyline.gpmf.hilights import Hilight, read_hilights
from eddyline.gpmf.payloads import Payloads
from eddyline.gpmf.sources import Source, read_detached_source, read_source, source_from_bytes
from eddyline.gpmf.streams import Device, Stream
from eddyline.mp4.boxes import iter_boxes
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.store.ranges import FileRanges

if TYPE_CHECKING:
    from eddyline.gpmf.scenes import Face, Scene
    from eddyline.gpmf.track import GpsTrack


@dataclass(frozen=True, kw_only=True, eq=False)
class Telemetry:
    """The telemetry of one recording.

    `streams` by label: the fourcc, or "fourcc@device name" for a later device with the same fourcc.
    `warnings` lists the defects that a lenient read skipped, and oddities that lose no data. `payloads` are
    those of `source` with compressed samples expanded.
    """

    source: Source = field(repr=False)
    payloads: Payloads = field(repr=False)
    devices: tuple[Device, ...]
    streams: Mapping[str, Stream]
    camera: Camera
    hilights: tuple[Hilight, ...]
    warnings: tuple[ParseWarning, ...] = ()

    def payload(self, number: int) -> Document:
        """One payload as a KLV tree (lenient: damaged parts are FILL nodes)."""
        offset = int(self.payloads.offset[number])
        return parse(self.payloads[number], lenient=True, offset=offset, path=f"payload[{number}]")

    @cached_property
    def gps(self) -> GpsTrack | None:
        """The positions of the camera or its carrier, without duplicates; None without positions."""
        from eddyline.gpmf.track import build_gps_track  # noqa: PLC0415 - loaded only if needed

        return build_gps_track(self.streams, time_lapse=self.camera.time_lapse)

    @cached_property
    def faces(self) -> tuple[Face, ...]:
        """Every face that the camera detected, by time."""
        from eddyline.gpmf.scenes import read_faces  # noqa: PLC0415 - loaded only if needed

        return tuple(
            face for each in self.streams.values() if each.key == "FACE" for face in read_faces(each)
        )

    @cached_property
    def scenes(self) -> tuple[Scene, ...]:
        """The scene classifications of the camera, by time."""
        from eddyline.gpmf.scenes import read_scenes  # noqa: PLC0415 - loaded only if needed

        return tuple(
            scene for each in self.streams.values() if each.key == "SCEN" for scene in read_scenes(each)
        )

    @property
    def duration_s(self) -> float:
        """Seconds of the movie, or of a raw file's payloads."""
        if self.source.duration_s:
            return self.source.duration_s
        return float(self.payloads.end_s[-1]) if len(self.payloads) else 0.0

    def summary(self) -> dict[str, Any]:
        """The contents as JSON values: {"camera", "payloads", "clock", "streams": {label: {samples, ...}}}.

        "clock": null without GPS, else its `rule` ("media time" or "GPS time") and `speed` (see `UtcClock`).
        """
        clock = self.gps.clock if self.gps else None
        return {
            "camera": self.camera.model,
            "payloads": len(self.payloads),
            "clock": None
            if clock is None
            else {
                "rule": clock.rule,
                "speed": round(clock.speed, 6),
                "readings": clock.given,
                "agreeing": clock.used,
                "time_lapse_setting": self.camera.time_lapse,
            },
            "streams": {label: _summary(stream) for label, stream in self.streams.items()},
        }


def _summary(stream: Stream) -> dict[str, Any]:
    return {
        "samples": len(stream),
        "rate_hz": round(stream.rate_hz, 6),
        "units": list(stream.units),
        "first_s": round(stream.first_s, 6),
        "device": stream.device.name or str(stream.device.id),
    }


def read(source: str | PathLike[str] | ByteRanges, *, lenient: bool = False) -> Telemetry:
    """Read all telemetry of a file: MP4, MOV, LRV, .360, raw GPMF payloads, JPEG.

    `source` is a path, or any object with `size` and `read(offset, length)` (see `eddyline.mp4.ByteRanges`),
    for example in S3 or on a web server. Of a movie only its index, udta and the telemetry samples are read.
    Arrays are decoded on demand.

    Raises:
        GpmfError: the telemetry is damaged (with `lenient`, the valid parts are kept, see `warnings`).
        NoTelemetryError: the file has no telemetry.
        Mp4Error, TruncatedError, MissingError: the movie is damaged, truncated or missing.
    """
    collector = WarningCollector(lenient=lenient)
    if isinstance(source, str | PathLike):
        with FileRanges(source) as ranges:
            return _read(read_source(ranges, collector), collector)
    return _read(read_source(source, collector), collector)


def read_payloads(data: bytes, *, lenient: bool = False) -> Telemetry:
    """The telemetry of raw payloads in memory, stored back to back."""
    collector = WarningCollector(lenient=lenient)
    return _read(source_from_bytes(data), collector)


def read_detached(movie: ByteRanges, payloads: ByteRanges, *, lenient: bool = False) -> Telemetry:
    """The telemetry of a movie whose payloads are also stored back to back in the file `payloads`.

    Equal to `read(movie)`, but of the movie only the index is read. Raises as `read` does.
    """
    collector = WarningCollector(lenient=lenient)
    return _read(read_detached_source(movie, payloads, collector), collector)


def _read(source: Source, collector: WarningCollector) -> Telemetry:
    payloads, devices, streams = decode_payloads(source.payloads, collector)
    settings = parse(source.settings, lenient=True)
    for warning in settings.warnings:
        collector.warn(warning.message, path=warning.path, offset=warning.offset)
    udta = list(iter_boxes(source.udta))
    return Telemetry(
        source=source,
        payloads=payloads,
        devices=devices,
        streams=MappingProxyType(streams),
        camera=read_camera(udta, settings, [device.name for device in devices]),
        hilights=read_hilights(udta, settings),
        warnings=tuple(collector.warnings),
    )
