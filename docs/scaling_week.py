"""Draws a week of a pool under its scaling policies, from the model of Auto Scaling, as an SVG image."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.model.pool_model import Minute, PoolModel, World

FILE = Path(__file__).parent / "images" / "scaling-week.svg"
BOUNDS = Bounds(spot_max=3200, on_demand_max=640, machine_vcpu=32, on_demand_after_s=600)

_DAY = 1440
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_BURST_DAY, _BURST_HOURS = 2, (12, 13)
_OUTAGE = range(3 * _DAY + 11 * 60, 3 * _DAY + 14 * 60)
_FEW_VCPU = 128
_EVERY = 12  # minutes between two points

_WIDTH, _LEFT, _RIGHT = 1120, 64, 16
_PANELS = ((44, 280), (360, 90))  # top and height
_HEIGHT = 490
_FONT = 'font-family="sans-serif" font-size="13"'
_TITLE = 'role="img" aria-label="Capacity of a pool against its load over a week"'
_GREY, _SPOT, _ON_DEMAND, _AGE = "#c9ced6", "#1769aa", "#d9480f", "#5f3dc4"


def world() -> World:
    """Load by hours and days, a burst on one day, and three hours almost without Spot on another."""

    def arrivals(minute: int) -> float:
        day, hour = minute // _DAY, minute / 60 % 24
        sun = max(math.sin((hour - 6) / 14 * math.pi), 0.0) if 6 <= hour <= 20 else 0.0  # noqa: PLR2004 - daylight
        burst = 800.0 if day == _BURST_DAY and _BURST_HOURS[0] <= hour < _BURST_HOURS[1] else 0.0
        return 60 * (40 + (900 if day < 5 else 360) * sun + burst)  # noqa: PLR2004 - weekdays

    return World(arrivals=arrivals, spot_vcpu=lambda minute: _FEW_VCPU if minute in _OUTAGE else 10**6)


def week() -> list[Minute]:
    """The course of the week."""
    return PoolModel(BOUNDS, world(), random.Random(1)).run(7 * _DAY)  # noqa: S311 - weights of instances


def draw(minutes: Sequence[Minute]) -> str:
    """The image: load, Spot and on-demand capacity above, the age of the oldest due job below."""
    points = minutes[::_EVERY]
    top, bottom = _PANELS
    most = max(minute.serving + minute.on_demand_serving for minute in minutes)
    ceiling = math.ceil(most / 500) * 500
    longest = math.ceil(max(minute.oldest_s for minute in minutes) / 300) * 300
    load = _path(points, lambda minute: minute.load_vcpu, ceiling, top)
    base = sum(top)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT} {_TITLE}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *_days(),
        *_grid(top, range(0, ceiling + 1, 500), ceiling, "vCPU"),
        *_grid(bottom, range(0, longest // 60 + 1, 10), longest // 60, "minutes"),
        f'<path d="{load} L{_WIDTH - _RIGHT},{base} L{_LEFT},{base} Z" fill="{_GREY}"/>',
        _line(_path(points, lambda minute: minute.serving, ceiling, top), _SPOT),
        _line(_path(points, lambda minute: minute.on_demand_serving, ceiling, top), _ON_DEMAND),
        _line(_path(points, lambda minute: minute.oldest_s, longest, bottom), _AGE),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(minute: int) -> int:
    return _LEFT + round((_WIDTH - _LEFT - _RIGHT) * minute / (7 * _DAY))


def _path(
    points: Sequence[Minute], value: Callable[[Minute], float], most: float, panel: tuple[int, int]
) -> str:
    top, height = panel
    return "M" + " L".join(
        f"{_x(point.minute)},{top + height - round(height * value(point) / most)}" for point in points
    )


def _line(path: str, colour: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _days() -> list[str]:
    found = []
    for number, name in enumerate(_DAYS):
        x = _x(number * _DAY)
        found.append(f'<line x1="{x}" y1="{_PANELS[0][0]}" x2="{x}" y2="450" stroke="#e5e8ec"/>')
        found.append(f'<text x="{_x(number * _DAY + _DAY // 2)}" y="472" text-anchor="middle">{name}</text>')
    return found


def _grid(panel: tuple[int, int], ticks: range, most: int, unit: str) -> list[str]:
    top, height = panel
    found = [f'<text x="{_LEFT - 8}" y="{top - 10}" text-anchor="end" fill="#555">{unit}</text>']
    for tick in ticks:
        y = top + height - round(height * tick / most)
        found.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="#e5e8ec"/>')
        found.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end" fill="#555">{tick}</text>')
    return found


def _legend() -> list[str]:
    rows = (
        (_GREY, "load", 90),
        (_SPOT, "Spot in service", 160),
        (_ON_DEMAND, "On-Demand in service", 310),
    )
    found = []
    for colour, text, x in rows:
        found.append(f'<rect x="{x}" y="14" width="14" height="10" fill="{colour}"/>')
        found.append(f'<text x="{x + 20}" y="24">{text}</text>')
    found.append(f'<rect x="90" y="338" width="14" height="10" fill="{_AGE}"/>')
    found.append('<text x="110" y="348">age of the oldest due job</text>')
    return found


def write() -> None:
    """Write the image."""
    FILE.write_text(draw(week()), "utf-8")
