"""Distances on the globe, accurate to half a percent, for sums and scale bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from eddyline.gpmf.payloads import Floats

METRES_PER_DEGREE = 111_195.0  # of a great circle on a sphere of 6,371 km


def distances(lat: Floats, lon: Floats) -> Floats:
    """Metres from each point to the next, float64[n - 1] (haversine)."""
    up, across = np.radians(lat), np.radians(lon)
    half = np.sin(np.diff(up) / 2) ** 2
    half += np.cos(up[:-1]) * np.cos(up[1:]) * np.sin(np.diff(across) / 2) ** 2
    found: Floats = 2 * np.degrees(np.arcsin(np.sqrt(np.minimum(half, 1.0)))) * METRES_PER_DEGREE
    return found


@dataclass(frozen=True, kw_only=True)
class Plane:
    """An equirectangular map, accurate at its centre (degrees)."""

    lat: float
    lon: float

    @classmethod
    def around(cls, lat: Floats, lon: Floats) -> Self:
        """The map centred on these positions."""
        around = np.unwrap(lon, period=360.0)
        return cls(
            lat=(float(lat.min()) + float(lat.max())) / 2, lon=(float(around.min()) + float(around.max())) / 2
        )

    def metres(self, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
        """Metres east and north of the centre; longitudes the short way around."""
        east = (lon - self.lon + 180.0) % 360.0 - 180.0
        return east * METRES_PER_DEGREE * float(np.cos(np.radians(self.lat))), (
            lat - self.lat
        ) * METRES_PER_DEGREE
