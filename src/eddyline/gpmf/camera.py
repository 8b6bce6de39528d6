"""The camera and its settings, from the boxes of udta and the GPMF settings block (DVID 1) in it.

| what | udta/GPMF (HERO6 and later) | udta boxes (all cameras) |
|---|---|---|
| model | MINF | prefix of FIRM |
| serial number | CASN | - |
| firmware | FMWR (FVER) | FIRM |
| lens | LINF | LENS |
| media ID | MUID | MUID |
| projection, field of view | PRJT, VFOV, ZFOV | - |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from eddyline.core.errors import EddylineError
from eddyline.gpmf.format.klv import FILL, Document, Klv
from eddyline.gpmf.format.types import TYPES, latin_text
from eddyline.mp4.boxes import Box

Setting = str | int | float | tuple[int | float | str, ...]

# Firmware prefixes (the part before the first dot) of cameras; HERO5 and older write no MINF.
MODELS: dict[str, str] = {
    "HD2": "HERO2",
    "HD3": "HERO3",
    "HD4": "HERO4",
    "HX": "HERO",
    "HD5": "HERO5 Black",
    "HD6": "HERO6 Black",
    "HD7": "HERO7 Black",
    "HD8": "HERO8 Black",
    "HD9": "HERO9 Black",
    "H18": "HERO (2018)",
    "H19": "GoPro Max",
    "H21": "HERO10 Black",
    "H22": "HERO11 Black",
    "H23": "HERO12 Black",
    "H24": "HERO13 Black",
    "FS1": "Fusion",
}
FIELDS_OF_VIEW = {
    "W": "wide",
    "S": "SuperView",
    "M": "medium",
    "N": "narrow",
    "L": "linear",
    "H": "linear with horizon leveling",
    "X": "max SuperView",
    "V": "HyperView",
}
_CONTAINERS = {"DEVC", "STRM"}
_MODIFIERS = {"DVID", "DVNM", "STNM", "TSMP", "RMRK", "TYPE", "SCAL", "UNIT", "SIUN", "HLMT"}


@dataclass(frozen=True, kw_only=True)
class Camera:
    """The camera that recorded a file; "" and None for unknown values.

    `fov` is the field of view of VFOV as text, `zoom_fov_deg` the horizontal angle ZFOV in degrees.
    `settings` has every other key of the settings block under its fourcc, decoded (text, a number, or a
    tuple of numbers).
    """

    model: str = ""
    serial: str = ""
    firmware: str = ""
    lens: str = ""
    media_id: str = ""
    projection: str = ""
    fov: str = ""
    zoom_fov_deg: float | None = None
    settings: Mapping[str, Setting] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def time_lapse(self) -> bool:
        """Whether the settings declare a time-lapse video: MTYP, the media type, is 1."""
        return self.settings.get("MTYP") == 1

    def __str__(self) -> str:
        return self.model or "unknown camera"


def read_camera(udta: Iterable[Box], settings: Document, device_names: Iterable[str] = ()) -> Camera:
    """All known facts about the camera; `device_names` (DVNM) are used if no other name is given."""
    boxes = {box.kind: bytes(box.body) for box in udta}
    values = dict(_settings(settings))
    firmware = _text(values.get("FMWR")) or latin_text(boxes.get("FIRM", b""))
    named = next((name for name in device_names if name and name.lower() != "camera"), "")
    return Camera(
        model=_text(values.get("MINF")) or model_name(firmware) or named,
        serial=_text(values.get("CASN")),
        firmware=firmware,
        lens=_text(values.get("LINF")) or latin_text(boxes.get("LENS", b"")),
        media_id=boxes.get("MUID", b"").hex(),
        projection=_text(values.get("PRJT")),
        fov=FIELDS_OF_VIEW.get(_text(values.get("VFOV")), _text(values.get("VFOV"))),
        zoom_fov_deg=_number(values.get("ZFOV")),
        settings=MappingProxyType(values),
    )


def model_name(firmware: str) -> str:
    """The model of a firmware prefix ("HD5.02..." -> "HERO5 Black"); "" if it is unknown."""
    return MODELS.get(firmware.split(".", 1)[0], "")


def _settings(document: Document) -> Iterable[tuple[str, Setting]]:
    """The key and value of every setting, of all devices except the HiLights."""
    for device in document.nodes:
        if device.key != "DEVC" or _is_hilights(device):
            continue
        for _, node in device.walk():
            if (
                node.key not in _CONTAINERS
                and node.key not in _MODIFIERS
                and node.key != FILL
                and not node.is_nest
            ):
                value = _value(node)
                if value is not None:
                    yield node.key, value


def _is_hilights(device: Klv) -> bool:
    identity = device.child("DVID")
    return identity is not None and identity.data[:4] == b"HLMT"


def _value(node: Klv) -> Setting | None:
    row = TYPES.get(node.type)
    if row is None:
        return None
    if row.kind in {"text", "fourcc", "time"}:
        return node.text
    try:
        flat = np.ravel(node.array())
    except EddylineError:
        return None
    if row.kind == "guid":
        return node.data.hex()
    values = (flat / row.divisor).tolist() if row.kind == "fixed" else flat.tolist()
    return values[0] if len(values) == 1 else tuple(values)


def _text(value: Setting | None) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Setting | None) -> float | None:
    return float(value) if isinstance(value, int | float) else None
