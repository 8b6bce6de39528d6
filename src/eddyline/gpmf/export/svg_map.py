"""The track as an image (SVG): north up, coloured by speed, with start, end, HiLights and a scale bar.

It needs no network access, scripts or fonts, and supports dark pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from eddyline.gpmf.export.geodesy import Plane, distances
from eddyline.gpmf.export.gpx import xml_text
from eddyline.gpmf.export.points import PlacedHilight, Points, build_points, place_hilights
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.payloads import Floats, Int64s
from eddyline.gpmf.telemetry import Telemetry

# Slow to fast; all are visible on white and on dark grey.
COLOURS = ("#3a41b0", "#2f6fdc", "#1b9bc0", "#1fa57c", "#63ad35", "#c4a31a", "#e87f1e", "#cf3520")
_START, _END = "#1a8f3c", "#cc2222"
_WIDTH, _MARGIN, _TOP, _BOTTOM = 720.0, 36.0, 84.0, 64.0
_MIN_HEIGHT, _MAX_HEIGHT = 220.0, 640.0
_MIN_METRES = 20.0
_MAX_POINTS = 4000
_STEP_PX = 1.2
_HALF_PX = 7.5
_SMOOTH = 5
_KMH = 3.6
_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#222}.soft{fill:#666;font-size:12px}.title{font-size:17px;"
    "font-weight:600}.page{fill:#fff}.line{stroke:#222}.map path{fill:none;stroke-width:4;"
    "stroke-linecap:round;stroke-linejoin:round}.halo{stroke:#fff}.grid{stroke:#8884;stroke-width:1}.mark{fill:#ffd400;stroke:#222}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.soft{fill:#aaa}.page{fill:#1b1d21}.line{stroke:#eee}"
    ".halo{stroke:#1b1d21}}"
)


@dataclass(frozen=True, kw_only=True)
class _Map:
    """Converts metres (east, north of the centre) to pixels."""

    scale: float
    left: float
    top: float
    height: float
    west: float
    north: float

    def x(self, east: Floats) -> Floats:
        return self.left + (east - self.west) * self.scale

    def y(self, north: Floats) -> Floats:
        return self.top + (self.north - north) * self.scale


def write_svg(telemetry: Telemetry, selection: Selection, out: BinaryIO) -> None:
    """Draw the track. Raises NoTrackError without a track."""
    found = build_points(telemetry, selection)
    out.write(
        draw_map(found, list(place_hilights(telemetry, found, selection)), str(telemetry.camera)).encode()
    )


def draw_map(found: Points, hilights: list[PlacedHilight], camera: str) -> str:
    """The image as SVG text."""
    plane = Plane.around(found.lat, found.lon)
    east, north = plane.metres(found.lat, found.lon)
    chart = _fit(east, north)
    x, y = chart.x(east), chart.y(north)
    top = max(float(np.percentile(found.speed_2d, 99)), 1e-3)
    height = _TOP + chart.height + _BOTTOM
    title, about = xml_text(camera), _description(found)
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title about"',
            f' viewBox="0 0 {_WIDTH:g} {height:.0f}">',
            f'<title id="title">Track: {title}</title><desc id="about">{about}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="page" width="{_WIDTH:g}" height="{height:.0f}" rx="8"/>',
            f'<text class="title" x="{_MARGIN:g}" y="36">{title}</text>',
            f'<text class="soft" x="{_MARGIN:g}" y="56">{about}</text>',
            _north(),
            '<g class="map">',
            *_lines(found, x, y, top),
            "</g>",
            *_hilights(plane, chart, hilights),
            *_ends(x, y),
            _scale_bar(chart, height),
            _legend(top, height),
            "</svg>\n",
        ]
    )


def _fit(east: Floats, north: Floats) -> _Map:
    """The largest map that fits, at least 20 m across."""
    wide, tall = (max(float(np.ptp(each)), _MIN_METRES) for each in (east, north))
    room = _WIDTH - 2 * _MARGIN
    scale = min(room / wide, _MAX_HEIGHT / tall)
    height = max(tall * scale, _MIN_HEIGHT)
    middle_x, middle_y = (float(each.min() + each.max()) / 2 for each in (east, north))
    return _Map(
        scale=scale,
        left=_MARGIN,
        top=_TOP,
        height=height,
        west=middle_x - room / scale / 2,
        north=middle_y + height / scale / 2,
    )


def _description(found: Points) -> str:
    length = sum(float(distances(found.lat[a:b], found.lon[a:b]).sum()) for a, b in found.runs)
    minutes, seconds = divmod(round(found.elapsed_s), 60)
    low, high = f"{found.alt_m.min():.0f}", f"{found.alt_m.max():.0f}"
    climbed = f"{low if low == high else f'{low} to {high}'} m above {found.altitude_reference}"
    fastest = f"{found.speed_2d.max() * _KMH:.1f} km/h"
    return f"{_distance_text(length)} in {minutes}:{seconds:02}, fastest {fastest}, {climbed}"


def _distance_text(metres: float) -> str:
    return f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:.2f} km"  # noqa: PLR2004 - a kilometre


def _lines(found: Points, x: Floats, y: Floats, top: float) -> list[str]:
    """One path per colour; each step is in the path of the speed at its end."""
    shade = np.clip(_smooth(found.speed_2d) / top * len(COLOURS), 0, len(COLOURS) - 1).astype(int)
    drawn: dict[int, list[str]] = {number: [] for number in range(len(COLOURS))}
    for first, last in found.runs:
        kept = first + _decimate(x[first:last], y[first:last])
        xs, ys = np.round(x[kept], 1).tolist(), np.round(y[kept], 1).tolist()
        shades, before = shade[kept].tolist(), -1
        for at in range(1, len(xs)):
            path = drawn[shades[at]]
            if shades[at] != before:
                path.append(f"M{xs[at - 1]:g} {ys[at - 1]:g}")
            path.append(f"L{xs[at]:g} {ys[at]:g}")
            before = shades[at]
    return [
        f'<path stroke="{COLOURS[n]}" d="{"".join(commands)}"/>' for n, commands in drawn.items() if commands
    ]


def _smooth(speed: Floats) -> Floats:
    """Speeds without the jitter of single samples."""
    if len(speed) < _SMOOTH:
        return speed
    padded = np.pad(speed, _SMOOTH // 2, mode="edge")
    return np.convolve(padded, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")


def _decimate(x: Floats, y: Floats) -> Int64s:
    """Numbers of the points to draw: about one per pixel of the path, always including the last."""
    path_length = np.concatenate([np.zeros(1), np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    step = max(_STEP_PX, float(path_length[-1]) / _MAX_POINTS)
    kept = np.flatnonzero(np.diff(np.floor(path_length / step), prepend=-1) != 0)
    last = len(x) - 1
    return kept if kept[-1] == last else np.append(kept, last)


def _ends(x: Floats, y: Floats) -> list[str]:
    # If the end equals the start, the corners of the end's square remain visible behind the start's circle.
    right, low = float(x[-1]) - _HALF_PX, float(y[-1]) - _HALF_PX
    square = f'x="{right:.1f}" y="{low:.1f}" width="{2 * _HALF_PX:g}" height="{2 * _HALF_PX:g}"'
    circle = f'cx="{float(x[0]):.1f}" cy="{float(y[0]):.1f}" r="6.5"'
    return [
        f'<rect class="halo" {square} fill="{_END}" stroke-width="2"><title>End</title></rect>',
        f'<circle class="halo" {circle} fill="{_START}" stroke-width="2"><title>Start</title></circle>',
    ]


def _hilights(plane: Plane, chart: _Map, hilights: list[PlacedHilight]) -> list[str]:
    """A star at each HiLight on the map; HiLights outside do not change its scale."""
    star = "M0-9 2.6-3.1 9-2.6 4.2 1.6 5.6 8 0 4.6-5.6 8-4.2 1.6-9-2.6-2.6-3.1z"
    east, north = plane.metres(
        np.array([hilight.lat for hilight in hilights]), np.array([hilight.lon for hilight in hilights])
    )
    return [
        f'<path class="mark" transform="translate({at:.1f} {up:.1f})" d="{star}">'
        f"<title>HiLight at {hilight.hilight.time_s:.1f} s</title></path>"
        for at, up, hilight in zip(chart.x(east).tolist(), chart.y(north).tolist(), hilights, strict=True)
        if 0 <= at <= _WIDTH and _TOP - _MARGIN <= up <= _TOP + chart.height + _MARGIN
    ]


def _north() -> str:
    x = _WIDTH - _MARGIN - 8
    return (
        f'<g><title>North is up</title><path class="line" d="M{x:g} 56V30m-5 7 5-9 5 9" fill="none"'
        ' stroke-width="2"/>'
        f'<text x="{x:g}" y="22" text-anchor="middle">N</text></g>'
    )


def _scale_bar(chart: _Map, height: float) -> str:
    """A scale bar of a round length, up to a quarter of the width."""
    max_metres = _WIDTH / 4 / chart.scale
    power = 10.0 ** np.floor(np.log10(max_metres))
    length = next(step * power for step in (5, 2, 1) if step * power <= max_metres)
    wide, y = length * chart.scale, height - 28
    label = f"{length:g} m" if length < 1000 else f"{length / 1000:g} km"  # noqa: PLR2004 - a kilometre
    return (
        f'<path class="line" d="M{_MARGIN:g} {y - 5:.1f}v5h{wide:.1f}v-5" fill="none" stroke-width="2"/>'
        f'<text class="soft" text-anchor="middle" x="{_MARGIN + wide / 2:.1f}" y="{y + 16:.1f}">'
        f"{label}</text>"
    )


def _legend(top: float, height: float) -> str:
    """The colours of speeds, and the meaning of the markers."""
    wide, y = 22.0, height - 38
    left = _WIDTH - _MARGIN - wide * len(COLOURS)
    boxes = "".join(
        f'<rect x="{left + wide * n:g}" y="{y:g}" width="{wide:g}" height="10" fill="{colour}"/>'
        for n, colour in enumerate(COLOURS)
    )
    middle, foot = _WIDTH / 2 - 70, y + 26
    return (
        f'{boxes}<text class="soft" x="{left:g}" y="{foot:g}">0</text>'
        f'<text class="soft" x="{_WIDTH - _MARGIN:g}" y="{foot:g}" text-anchor="end">'
        f"{top * _KMH:.3g} km/h</text>"
        f'<circle cx="{middle:g}" cy="{y + 5:g}" r="5" fill="{_START}"/>'
        f'<text class="soft" x="{middle + 10:g}" y="{y + 9:g}">start</text>'
        f'<rect x="{middle + 52:g}" y="{y:g}" width="10" height="10" fill="{_END}"/>'
        f'<text class="soft" x="{middle + 68:g}" y="{y + 9:g}">end</text>'
    )
