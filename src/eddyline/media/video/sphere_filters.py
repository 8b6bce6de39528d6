"""Filters that project spherical video: an EAC pair, or equirectangular frames, to a sphere or a flat view.

FFmpeg's v360 filter samples its input and does not average it, and its cost grows with its output. So it
outputs the size of the largest rendition, and its input is scaled down first to at most `_OVERSAMPLING` times
that resolution. Measured against averaged pixels (docs/decisions), bilinear interpolation is then the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from eddyline.media.source.eac_layout import require_layout
from eddyline.media.source.source import SphereFacts, VideoFacts
from eddyline.media.video.eac_filters import PLANES, plane_chains, row_chains

_OVERSAMPLING = 1.4
_SCALER = "flags=bicubic+accurate_rnd"


def decoded_facts(facts: VideoFacts) -> VideoFacts:
    """The facts of the frames before projection. Frames of a pair are numbered: their times are not used."""
    sphere = facts.sphere
    if sphere is None:
        return facts
    rate = facts.variable_rate and not sphere.is_eac
    return replace(facts, width=sphere.width, height=sphere.height, variable_rate=rate, sphere=None)


def projected_facts(facts: VideoFacts, width: int, height: int) -> VideoFacts:
    """The facts of the frames that `sphere_chains` outputs."""
    decoded = decoded_facts(facts)
    return replace(decoded, width=width, height=height, pixel_format=_pixels(facts))


def sphere_chains(facts: VideoFacts, size: tuple[int, int], *, sources: Sequence[str], out: str) -> list[str]:
    """Chains from the decoded frames `sources` (labels; two for a pair) to `[out]`, frames of `size`.

    Both inputs of a pair must have equal timestamps; the output ends with the first of them to end.
    """
    sphere = facts.sphere
    if sphere is None:
        raise ValueError("the video is not projected")
    if not sphere.is_eac:
        scale, project = _from_equirectangular(facts, sphere, size)
        return [f"[{sources[0]}]{scale}{project},{_tags(facts)}[{out}]"]
    return _from_pair(facts, sphere, size, sources, out)


def _from_equirectangular(facts: VideoFacts, sphere: SphereFacts, size: tuple[int, int]) -> tuple[str, str]:
    wanted = 2 * math.ceil(_OVERSAMPLING * _pixels_around(sphere, size[0]) / 2)
    width = min(wanted, sphere.width)
    scale = f"scale={width}:{width // 2 // 2 * 2}:{_SCALER}," if width < sphere.width else ""
    return f"{scale}format={_pixels(facts)},", _v360("e", sphere, size, width)


def _from_pair(
    facts: VideoFacts, sphere: SphereFacts, size: tuple[int, int], sources: Sequence[str], out: str
) -> list[str]:
    layout = require_layout(sphere.width, sphere.height)
    wanted = 4 * math.ceil(_OVERSAMPLING * _pixels_around(sphere, size[0]) / 16)
    face, pixels, tags = min(wanted, layout.face), _pixels(facts), _tags(facts).removeprefix("setparams=")
    parts: list[str] = []
    for number, source in enumerate(sources):
        parts.append(f"[{source}]format={pixels},setparams={tags}[track{number}]")
        parts += row_chains(
            layout, face, number, source=f"track{number}", out=f"row{number}", pixels=pixels, tags=tags
        )
        planes = "".join(f"[row{number}{plane}]" for plane in PLANES)
        parts.append(f"[row{number}]extractplanes={'+'.join(PLANES)}{planes}")
    for plane in PLANES:
        half = 1 if plane == "y" else 2  # 4:2:0
        rows = [f"row{number}{plane}" for number in range(len(sources))]
        parts += plane_chains(plane, face // half, rows=rows, out=f"eac{plane}")
        project = _v360("eac", sphere, (size[0] // half, size[1] // half), 4 * face // half)
        parts.append(f"[eac{plane}]{project}[out{plane}]")
    planes = "".join(f"[out{plane}]" for plane in PLANES)
    return [*parts, f"{planes}mergeplanes=0x001020:{pixels},{_tags(facts)}[{out}]"]


def _v360(kind: str, sphere: SphereFacts, size: tuple[int, int], around: int) -> str:
    """The filter for an input with `around` pixels around the horizon."""
    width, height = size
    view = sphere.view
    # The input is finer than the output, unless it could not be: then a longer kernel keeps details.
    finer = around * (1 + 1 / 64) >= _OVERSAMPLING * _pixels_around(sphere, width)
    options = f"v360={kind}:{'e' if view is None else 'flat'}:interp={'line' if finer else 'cubic'}"
    if view is not None:
        down = 2 * math.degrees(math.atan(math.tan(math.radians(view.fov) / 2) * height / width))
        options += f":h_fov={view.fov:.6f}:v_fov={down:.6f}"
        options += f":yaw={view.yaw:.6f}:pitch={view.pitch:.6f}:roll={view.roll:.6f}"
    return f"{options}:w={width}:h={height}"


def _pixels_around(sphere: SphereFacts, width: int) -> float:
    """The number of pixels around the horizon at the resolution of an output of this width, in its centre."""
    if sphere.view is None:
        return width
    return math.tau * width / (2 * math.tan(math.radians(sphere.view.fov) / 2))


def _pixels(facts: VideoFacts) -> str:
    """The format without the range in its name, which some filters do not know."""
    return facts.pixel_format.replace("yuvj", "yuv")


def _tags(facts: VideoFacts) -> str:
    """The filter that describes the colours of the frames: planes that are projected alone lose them."""
    value_range = "pc" if facts.full_range else "tv"
    colours = f"colorspace={facts.matrix}:color_primaries={facts.primaries}:color_trc={facts.transfer}"
    return f"setparams=range={value_range}:{colours}"
