"""GPMF: the telemetry that GoPro cameras write into their files.

    from eddyline import gpmf

    telemetry = gpmf.read("GX010001.MP4")       # also MOV, LRV, .360, raw .gpmf/.raw, JPEG; or any ByteRanges
    telemetry.camera.model                      # "HERO11 Black"
    accl = telemetry.streams["ACCL"]            # .values float64[n, 3], .times float64[n], .units, ...
    telemetry.gps.lat                           # a GpsTrack, from any of the keys that cameras use
    telemetry.summary()                         # JSON values

    tree = gpmf.parse(telemetry.payloads[0])    # its KLV tree; bytes(tree) gives the same bytes
    gpmf.serialize([gpmf.device(1, "Camera", [gpmf.stream("ACCL", "s", rows, scale=[417])])])

The library needs NumPy and `eddyline.mp4`, not FFmpeg and not a database. docs/reference/gpmf-library.md
describes it; `keys` lists the known keys.

The names in `__all__` are the public interface; everything else is private and may change. They are imported
on first use, so that `gpmf.read` loads only what it needs.
"""

from typing import TYPE_CHECKING

from eddyline.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from eddyline.gpmf.camera import Camera
    from eddyline.gpmf.errors import GpmfError, NoTelemetryError, ParseWarning
    from eddyline.gpmf.format.builder import device, leaf, nest, stream
    from eddyline.gpmf.format.huffman import decompress
    from eddyline.gpmf.format.klv import FILL, Document, Klv, serialize
    from eddyline.gpmf.format.reader import Limits, parse
    from eddyline.gpmf.hilights import Hilight
    from eddyline.gpmf.payloads import Payloads
    from eddyline.gpmf.scenes import Face, Scene
    from eddyline.gpmf.streams import Device, Stream
    from eddyline.gpmf.telemetry import Telemetry, read, read_detached, read_payloads
    from eddyline.gpmf.track import GpsTrack
    from eddyline.gpmf.utc import UtcClock

__all__ = [
    "FILL",
    "Camera",
    "Device",
    "Document",
    "Face",
    "GpmfError",
    "GpsTrack",
    "Hilight",
    "Klv",
    "Limits",
    "NoTelemetryError",
    "ParseWarning",
    "Payloads",
    "Scene",
    "Stream",
    "Telemetry",
    "UtcClock",
    "decompress",
    "device",
    "leaf",
    "nest",
    "parse",
    "read",
    "read_detached",
    "read_payloads",
    "serialize",
    "stream",
]

__getattr__ = lazy_names(
    globals(),
    {
        "eddyline.gpmf.camera": "Camera",
        "eddyline.gpmf.errors": "GpmfError NoTelemetryError ParseWarning",
        "eddyline.gpmf.format.builder": "device leaf nest stream",
        "eddyline.gpmf.format.huffman": "decompress",
        "eddyline.gpmf.format.klv": "FILL Document Klv serialize",
        "eddyline.gpmf.format.reader": "Limits parse",
        "eddyline.gpmf.hilights": "Hilight",
        "eddyline.gpmf.payloads": "Payloads",
        "eddyline.gpmf.scenes": "Face Scene",
        "eddyline.gpmf.streams": "Device Stream",
        "eddyline.gpmf.telemetry": "Telemetry read read_detached read_payloads",
        "eddyline.gpmf.track": "GpsTrack",
        "eddyline.gpmf.utc": "UtcClock",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
