"""The filter graph between one decoder and the encoders of all rungs.

    slice -> exactly the wanted frames, of one size -> deinterlaced if needed -> constant rate -> cropped
          -+-> largest SDR rung -> upright -+-> [v0]
           |                                '-> next smaller rung -+-> [v1]
           |                                                       '-> ...
           '-> largest rung that keeps HDR, or has another bit depth or frame step -> ...

Each rung is scaled from the one above it, which costs a fraction of scaling each from the source. Spherical
video that is projected (`sphere_filters`) is projected first, to the size of the largest rung.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.crop import Crop, cropped_facts
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts
from eddyline.media.video.colours import (
    CHROMA,
    SCALER,
    is_supported_by_scale,
    keeps_matrix,
    move_chroma_filters,
    only_needs_scaling,
    output_colours,
    rescale_filter,
    scale_filters,
)
from eddyline.media.video.hdr_metadata import SIDE_DATA_FILTERS, keeps_hdr
from eddyline.media.video.orientation import (
    chroma_before_upright,
    rotation_filters,
    swaps_dimensions,
    upright_filters,
)
from eddyline.media.video.sphere_filters import decoded_facts, projected_facts, sphere_chains
from eddyline.media.video.tone_mapping import tonemap_filters
from eddyline.mp4.slice import Slice

# No rotation or reflection changes this chroma location.
_SYMMETRIC = "center"


def filter_graph(
    piece: Slice,
    facts: VideoFacts,
    rungs: Sequence[Rung],
    grid: Grid,
    skipped: Mapping[str, int] | None = None,
) -> str:
    """The `-filter_complex` from the slice's video to `[v0]`, `[v1]`, ..., one per rung.

    `skipped` is the number of its first frames that a rung leaves out, by name.
    """
    return joined_filter_graph((piece,), facts, rungs, grid, skipped)


def joined_filter_graph(
    pieces: Sequence[Slice],
    facts: VideoFacts,
    rungs: Sequence[Rung],
    grid: Grid,
    skipped: Mapping[str, int] | None = None,
) -> str:
    """As `filter_graph`, for the frames of several slices one after the other: input k is slice k.

    Slices with a second track have two inputs each.

    Rungs of one family alone are scaled from each other: families are encoded apart.
    """
    skips = [(skipped or {}).get(rung.name, 0) for rung in rungs]
    groups: dict[tuple[str, str, bool, int], list[int]] = {}
    for index, rung in enumerate(rungs):
        key = (rung.family, rung.pixel_format, keeps_hdr(facts, rung), rung.frame_step)
        groups.setdefault(key, []).append(index)
    crop = rungs[0].crop
    heads = [f"g{number}" for number in range(len(groups))]
    if facts.sphere is None:
        parts = _join(list(enumerate(pieces)), facts, grid, heads, rungs[0].fields, crop)
        facts = cropped_facts(crop, facts)
    else:
        parts, facts = _project(pieces, facts, rungs, grid)
        parts.append(_chain("sphere", _split(len(heads)), heads))
    for head, (key, members) in zip(heads, groups.items(), strict=True):
        parts += _scale_chain(head, members, facts, rungs, every_frame(key[-1], facts, grid), skips)
    parts += [
        _chain(f"whole{index}", [f"trim=start_frame={skip}", "setpts=PTS-STARTPTS"], [f"v{index}"])
        for index, skip in enumerate(skips)
        if skip
    ]
    return ";".join(parts)


def encoder_time_base(facts: VideoFacts, grid: Grid) -> Fraction:
    """The encoders' time base in seconds.

    At a constant rate the encoders get frame k at exactly k/fps, so that timestamp jitter (90 kHz, or MKV's
    milliseconds) does not change the output; `assemble` restores the true times. A variable rate keeps the
    source's ticks, because rate control needs the durations of frames.
    """
    return Fraction(1, facts.timescale) if decoded_facts(facts).variable_rate else 1 / grid.encoder_fps


def every_frame(step: int, facts: VideoFacts, grid: Grid) -> list[str]:
    """Every `step`-th frame, beginning with the first; renumbered if the rate is constant."""
    if step == 1:
        return []
    base = encoder_time_base(facts, grid.thinned(step))
    retime = [] if facts.variable_rate else [f"settb={base.numerator}/{base.denominator}", "setpts=N"]
    return [f"select=not(mod(n\\,{step}))", *retime]


def _trim(piece: Slice, facts: VideoFacts, grid: Grid, fields: int) -> list[str]:
    base = encoder_time_base(facts, grid)
    steps = [f"trim=start_pts={piece.start_pts}:end_pts={piece.end_pts}"]
    if is_supported_by_scale(facts):
        # Frames whose size changes in mid-stream are scaled to the first size; others pass through unchanged.
        steps.append(f"scale={facts.width}:{facts.height}:flags={SCALER}")
    if facts.interlaced:
        # bwdif halves the time base, so settb comes after it.
        mode = (
            "send_frame:parity=auto:deint=interlaced" if fields == 1 else "send_field:parity=auto:deint=all"
        )
        steps.append(f"bwdif=mode={mode}")
    counted = f"PTS-{piece.start_pts}" if facts.variable_rate else "N"
    # setpts counts in the time base of its input, which at a variable rate must be the slice's own.
    retime = [f"settb={base.numerator}/{base.denominator}", f"setpts={counted}"]
    # A stereo packing message in the bitstream may contradict the rendition's own st3d box.
    mono = ["sidedata=mode=delete:type=STEREO3D"] if facts.projection else []
    return [*steps, *retime, *mono, *rotation_filters(facts)]


def _crop(crop: Crop | None) -> list[str]:
    return [] if crop is None else [f"crop={crop.width}:{crop.height}:{crop.left}:{crop.top}:exact=1"]


def _project(
    pieces: Sequence[Slice], facts: VideoFacts, rungs: Sequence[Rung], grid: Grid
) -> tuple[list[str], VideoFacts]:
    """The chains from the decoders to `[sphere]`, and the facts of its frames."""
    width, height = max(((rung.width, rung.height) for rung in rungs), key=lambda size: size[0] * size[1])
    decoded = decoded_facts(facts)
    inputs = list(enumerate(track for piece in pieces for track in piece.tracks))
    count = len(pieces[0].tracks)
    names = [f"decoded{number}" for number in range(count)]
    parts = [
        part
        for number, name in enumerate(names)
        for part in _join(inputs[number::count], decoded, grid, [name], 1)
    ]
    parts += sphere_chains(facts, (width, height), sources=names, out="sphere")
    return parts, projected_facts(facts, width, height)


def _join(
    inputs: Sequence[tuple[int, Slice]],
    facts: VideoFacts,
    grid: Grid,
    heads: Sequence[str],
    fields: int,
    crop: Crop | None = None,
) -> list[str]:
    """The wanted frames of slices, given with the numbers of their inputs, at each of the labels `heads`."""
    steps = [[*_trim(piece, facts, grid, fields), *SIDE_DATA_FILTERS, *_crop(crop)] for _, piece in inputs]
    if len(inputs) == 1:
        return [_chain(f"{inputs[0][0]}:v:0", [*steps[0], *_split(len(heads))], heads)]
    labels = [f"p{number}" for number, _ in inputs]
    parts = [
        _chain(f"{number}:v:0", chain, [label])
        for (number, _), chain, label in zip(inputs, steps, labels, strict=True)
    ]
    return [*parts, _chain("][".join(labels), [f"concat=n={len(labels)}", *_split(len(heads))], heads)]


def _scale_chain(
    head: str,
    members: Sequence[int],
    facts: VideoFacts,
    rungs: Sequence[Rung],
    first: Sequence[str],
    skips: Sequence[int],
) -> list[str]:
    """The filter chains of one group of rungs, largest first; each feeds its output and the next chain.

    The filters `first` come before all others. The output of a rung with frames to skip is `[whole0]`, ...
    """
    ordered = sorted(members, key=lambda index: -rungs[index].width * rungs[index].height)
    parts, source, above = [], head, None
    for place, index in enumerate(ordered):
        rung = rungs[index]
        steps = [*first, *_from_source(facts, rung)] if above is None else _from_larger_rung(above, rung)
        last = place == len(ordered) - 1
        output = f"whole{index}" if skips[index] else f"v{index}"
        labels = [output] if last else [output, f"smaller{index}"]
        parts.append(_chain(source, [*steps, "setsar=1", *_split(len(labels))], labels))
        source, above = labels[-1], rung
    return parts


def _from_source(facts: VideoFacts, rung: Rung) -> list[str]:
    """From the source frame to the group's largest rung. Scale before rotating: fewer pixels to move.

    Chroma samples at the left would be at another side once the frame is flipped or turned. They are put
    where the rotation moves them to the left, or in the center and moved to the left in the upright frame.
    """
    width, height = (rung.height, rung.width) if swaps_dimensions(facts) else (rung.width, rung.height)
    upright = upright_filters(facts)
    chroma, colours = chroma_before_upright(facts) or _SYMMETRIC, output_colours(facts)
    same = (facts.width, facts.height, facts.pixel_format) == (width, height, rung.pixel_format)
    if facts.hdr and not keeps_hdr(facts, rung):
        output = f"m=bt709:r=limited:c={chroma}:dither=ordered"
        scaled = tonemap_filters(facts, f"{width}:{height}:filter=bicubic", output)
        steps, colours = [*scaled, f"format={rung.pixel_format}"], ("bt709", "bt709", "bt709")
    elif same and chroma == CHROMA and only_needs_scaling(facts) and keeps_matrix(facts):
        steps = []
    else:
        steps = [*scale_filters(facts, width, height, rung.pixel_format, chroma)]
    steps += upright
    if chroma == _SYMMETRIC:
        steps += move_chroma_filters(_SYMMETRIC, colours, rung.pixel_format)
    # Untagged chroma is at the same location, but SVT-AV1 would signal another one for it.
    return [*steps, f"setparams=chroma_location={CHROMA}"]


def _from_larger_rung(above: Rung, rung: Rung) -> list[str]:
    if (above.width, above.height) == (rung.width, rung.height):
        return []
    return [rescale_filter(rung.width, rung.height)]


def _split(ways: int) -> list[str]:
    return [f"split={ways}"] if ways > 1 else []


def _chain(source: str, steps: Sequence[str], labels: Sequence[str]) -> str:
    return f"[{source}]" + ",".join(steps or ("null",)) + "".join(f"[{label}]" for label in labels)
