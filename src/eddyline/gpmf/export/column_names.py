"""What the elements of the known streams are called, for column names; unknown streams are numbered.

Source: GPMF introduction, "GPMF Streams" (gopro.github.io/gpmf-parser), and the names (STNM) cameras write.
"""

from __future__ import annotations

from eddyline.gpmf.streams import Stream

_GPS = ("lat", "lon", "alt", "speed_2d", "speed_3d")
_QUATERNION = ("w", "x", "y", "z")

ELEMENTS: dict[str, tuple[str, ...]] = {
    "GPS5": _GPS,
    "GPS9": (*_GPS, "days", "seconds", "dop", "fix"),
    "GLPI": ("time", "lat", "lon", "alt", "height", "vx", "vy", "vz", "heading"),
    "GPRI": ("time", "lat", "lon", "alt", "eph", "epv", "speed", "course", "fix", "satellites"),
    "CORI": _QUATERNION,
    "IORI": _QUATERNION,
    "GRAV": ("x", "y", "z"),
    "WRGB": ("red", "green", "blue"),
    "SHUT": ("exposure",),
    "ISOE": ("iso",),
    "ISOG": ("gain",),
    "WBAL": ("kelvin",),
    "YAVG": ("luminance",),
    "UNIF": ("uniformity",),
    "SROT": ("read_out",),
    "SCEN": ("scene", "probability"),
    "HUES": ("hue", "weight"),
    "WNDM": ("enabled", "meter"),
    "MWET": ("wet", "all", "confidence"),
    "AALP": ("rms", "peak"),
    "MSKP": ("skipped",),
    "LSKP": ("skipped",),
    "SYST": ("since_start", "posix"),
}


def column_names(stream: Stream, *, turned: bool = False) -> tuple[str, ...]:
    """A distinct name for each element of a stream's rows.

    Of an IMU stream the axes, as stored ("y", "neg_x", "z") or, `turned`, in order; else the table's, and
    "v3" for element 3 where it has none.
    """
    count = len(stream.type) or max(stream.pieces.size, 1)
    if turned:
        return ("x", "y", "z")
    order = stream.axis_order
    if stream.key not in ELEMENTS and len(order) == count:
        return tuple(axis.lower() if axis.isupper() else f"neg_{axis}" for axis in order)
    known = ELEMENTS.get(stream.key, ())[:count]
    return (*known, *(f"v{number}" for number in range(len(known), count)))
