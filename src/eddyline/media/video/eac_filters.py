"""Filters that join the two tracks of an EAC pair into the frame that FFmpeg's v360 filter reads as `eac`.

    track -> two side faces: the halves, blended where they overlap -+-> left | centre | right: a row
          -> centre face --------------------------------------------'
    rows of both tracks -> their planes, with a border of adjacent faces -> one above the other -> v360

v360 skips a border of two pixels around each row, in every plane alike, and interpolates across it. In a
4:2:0 frame that border would be one chroma sample wide, so each plane is projected as a grey frame. The
border is filled with the pixels of the adjacent faces, without which edges of faces would show.
"""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.media.source.eac_layout import EacLayout

_BORDER = 2  # pixels; `pixel_pad` of FFmpeg's vf_v360.c
_SCALER = "flags=bicubic+accurate_rnd"
PLANES = "yuv"
# Strips of the other row that continue a row beyond its edges, left to right: the face there (0 to 2), its
# edge, and the rotation of the strip.
_ABOVE = ((2, "bottom", ""), (2, "right", "transpose=clock"), (2, "top", "hflip,vflip"))
_BELOW = ((0, "bottom", "hflip,vflip"), (0, "left", "transpose=clock"), (0, "top", ""))
_ENDS = ((1, "bottom", "transpose=cclock"), (1, "top", "transpose=cclock"))


def row_chains(
    layout: EacLayout, face: int, number: int, *, source: str, out: str, pixels: str, tags: str
) -> list[str]:
    """Chains from track `number` of the pair to `[out]`: three faces of `face` x `face` pixels.

    `pixels` is the pixel format of the track, `tags` the options of setparams that describe its colours.
    """
    names = [f"{part}{number}" for part in ("l", "m", "c", "r", "s")]
    right = layout.width - layout.side
    starts = (0, layout.strip, layout.side, right, right + layout.strip)
    widths = [layout.blended_side] * 5
    widths[2] = layout.face
    crops = [
        f"[{name}]crop={width}:{layout.height}:{start}:0[{name}x]"
        for name, width, start in zip(names, widths, starts, strict=True)
    ]
    scale = f"scale={face}:{face}:{_SCALER}"
    side = f"maskedmerge,{scale}" if (layout.blended_side, layout.height) != (face, face) else "maskedmerge"
    centre = scale if layout.face != face else "null"
    left, middle, centre_in, right_in, right_middle = (f"[{name}x]" for name in names)
    return [
        _ramp(layout, number, pixels, tags),
        f"[{source}]split=5" + "".join(f"[{name}]" for name in names),
        *crops,
        f"{left}{middle}[ramp{number}a]{side}[left{number}]",
        f"{right_in}{right_middle}[ramp{number}b]{side}[right{number}]",
        f"{centre_in}{centre}[centre{number}]",
        f"[left{number}][centre{number}][right{number}]hstack=3,format={pixels}[{out}]",
    ]


def _ramp(layout: EacLayout, number: int, pixels: str, tags: str) -> str:
    """The masks of both side faces: 0 left of the strip, rising linearly within it, and full right of it."""
    full = 1023 if pixels.endswith("10le") else 255
    start = layout.side // 2 - layout.strip

    def ramp(subsampling: int) -> str:
        return f"clip((X+0.5-{start // subsampling})*{full}/{layout.strip // subsampling},0,{full})"

    size = f"{layout.blended_side}x{layout.height}"
    # One frame, which maskedmerge uses for all frames. FFmpeg would convert a mask with other tags.
    return (
        f"color=s={size}:r=1,format={pixels},geq=lum='{ramp(1)}':cb='{ramp(2)}':cr='{ramp(2)}',"
        f"setparams={tags},trim=end_frame=1,split[ramp{number}a][ramp{number}b]"
    )


def plane_chains(plane: str, face: int, *, rows: Sequence[str], out: str) -> list[str]:
    """Chains from one plane of both rows (`face` is its face's side) to the EAC frame `[out]` for v360."""
    parts: list[str] = []
    stacked: list[str] = []
    strips = (*_ABOVE, *_BELOW, *_ENDS)
    for number, row in enumerate(rows):
        names = [f"{plane}{number}k{at}" for at in range(len(strips))]
        parts.append(f"[{row}]split={len(strips) + 1}[{plane}{number}]" + "".join(f"[{n}]" for n in names))
    for number in range(len(rows)):
        cut = []
        for at, (which, edge, rotation) in enumerate(strips):
            steps = ",".join(step for step in (_crop(which, edge, face), rotation) if step)
            cut.append(f"{plane}{number}e{at}")
            parts.append(f"[{plane}{1 - number}k{at}]{steps}[{cut[-1]}]")
        above, below, ends = cut[:3], cut[3:6], cut[6:]
        middle = [ends[0], f"{plane}{number}", ends[1]]
        for name, inputs, steps in (("a", above, _corners()), ("m", middle, ""), ("b", below, _corners())):
            stacked.append(f"{plane}{number}{name}")
            parts.append(
                "".join(f"[{each}]" for each in inputs) + f"hstack=3:shortest=1{steps}[{stacked[-1]}]"
            )
    parts.append("".join(f"[{each}]" for each in stacked) + f"vstack={len(stacked)}:shortest=1[{out}]")
    return parts


def _crop(which: int, edge: str, face: int) -> str:
    """The strip along an edge of a face of a row."""
    left, last = which * face, face - _BORDER
    match edge:
        case "top" | "bottom":
            return f"crop={face}:{_BORDER}:{left}:{0 if edge == 'top' else last}"
        case _:
            return f"crop={_BORDER}:{face}:{left if edge == 'left' else left + last}:0"


def _corners() -> str:
    """The border's corners, which belong to two other faces: the nearest pixels."""
    return f",pad=iw+{2 * _BORDER}:ih:{_BORDER}:0,fillborders={_BORDER}:{_BORDER}:0:0:smear"
