"""What stays on the GPU: decode and scale beside NVENC, and the upload of frames for VAAPI.

Everything is decided from the source's facts and the rungs of the plan, never from the machine, so that all
chunks of a family are made in the same way. The filters that choose frames and set times (trim, select,
setpts, split) change no pixels, and so also run on frames of a device: the frames are the same as without.

Decoding on the device needs a format that every GPU with NVENC since Turing decodes, and filters that exist
for CUDA: scaling and deinterlacing do; cropping, rotation, tone mapping, conversion of matrix, range, bit
depth or chroma do not. Other sources are decoded and scaled by the CPU, and the encoder uploads the frames.
Quick Sync and VAAPI encode frames of the CPU in all cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts
from eddyline.media.video import filters
from eddyline.media.video.colours import keeps_matrix
from eddyline.mp4.slice import Slice


@dataclass(frozen=True, kw_only=True)
class _Decoder:
    """What a hardware decoder supports: pixel formats, and bounds of width and height in pixels."""

    pixel_formats: frozenset[str]
    min_side: int
    max_side: int


_8_BITS, _10_BITS = frozenset({"yuv420p"}), frozenset({"yuv420p", "yuv420p10le"})
# NVIDIA's Video Decode Support Matrix: what all generations from Turing (T4) on decode. AV1 came with Ampere,
# so it is decoded by the CPU; no generation before Blackwell decodes H.264 of 10 bits or 4:2:2.
_NVDEC: Mapping[str, _Decoder] = {
    "h264": _Decoder(pixel_formats=_8_BITS, min_side=48, max_side=4096),
    "hevc": _Decoder(pixel_formats=_10_BITS, min_side=144, max_side=8192),
    "vp9": _Decoder(pixel_formats=_8_BITS, min_side=128, max_side=8192),
}
CUDA_INPUT = ("-hwaccel", "cuda", "-hwaccel_output_format", "cuda")
"""Options of the input whose frames stay on the device."""

_SURFACES = {"yuv420p": "nv12", "yuv420p10le": "p010le"}


def is_decoded_on_device(facts: VideoFacts, rungs: Sequence[Rung]) -> bool:
    """Whether the GPU decodes and scales this source for these rungs, and encodes them."""
    decoder = _NVDEC.get(facts.codec)
    if decoder is None or not all(rung.encoder.endswith("_nvenc") for rung in rungs):
        return False
    sides = (facts.width, facts.height)
    decodes = (
        facts.pixel_format in decoder.pixel_formats
        and min(sides) >= decoder.min_side
        and max(sides) <= decoder.max_side
        and not any(side % 2 for side in sides)
    )
    keeps_pixels = (
        facts.sphere is None
        and not (facts.hdr or facts.full_range or facts.rotation or facts.mirrored or facts.variable_rate)
        and keeps_matrix(facts)
        and all(_keeps_pixels(rung, facts) for rung in rungs)
    )
    return decodes and keeps_pixels


def _keeps_pixels(rung: Rung, facts: VideoFacts) -> bool:
    return rung.pixel_format == facts.pixel_format and rung.fields == 1 and rung.crop is None


def device_filter_graph(piece: Slice, facts: VideoFacts, rungs: Sequence[Rung], grid: Grid) -> str | None:
    """The `-filter_complex` on frames of CUDA to `[v0]`, `[v1]`, ...; None: the CPU decodes and scales.

    It has the shape of `filters.filter_graph`: each rung is scaled from the one above it. scale_cuda always
    copies (passthrough=0), because encoders hold frames longer than the decoder's pool allows.
    """
    if not is_decoded_on_device(facts, rungs):
        return None
    base = filters.encoder_time_base(facts, grid)
    steps = [f"trim=start_pts={piece.start_pts}:end_pts={piece.end_pts}"]
    if facts.interlaced:
        steps.append("bwdif_cuda=mode=send_frame:parity=auto:deint=interlaced")
    steps += [f"settb={base.numerator}/{base.denominator}", "setpts=N"]
    if facts.projection:
        steps.append("sidedata=mode=delete:type=STEREO3D")
    groups: dict[int, list[int]] = {}
    for index, rung in enumerate(rungs):
        groups.setdefault(rung.frame_step, []).append(index)
    heads = [f"g{number}" for number in range(len(groups))]
    parts = [_chain("0:v:0", [*steps, *_split(len(heads))], heads)]
    for head, (step, members) in zip(heads, groups.items(), strict=True):
        parts += _scale_chain(head, members, rungs, filters.every_frame(step, facts, grid))
    return ";".join(parts)


def _scale_chain(head: str, members: Sequence[int], rungs: Sequence[Rung], first: Sequence[str]) -> list[str]:
    """The chains of the rungs of one frame step, largest first; each feeds its output and the next chain."""
    ordered = sorted(members, key=lambda index: -rungs[index].width * rungs[index].height)
    parts, source = [], head
    for place, index in enumerate(ordered):
        rung = rungs[index]
        surface = _SURFACES[rung.pixel_format]
        scale = (
            f"scale_cuda=w={rung.width}:h={rung.height}:interp_algo=bicubic:format={surface}:passthrough=0"
        )
        last = place == len(ordered) - 1
        labels = [f"v{index}"] if last else [f"v{index}", f"smaller{index}"]
        steps = [*(first if place == 0 else ()), scale, "setsar=1", *_split(len(labels))]
        parts.append(_chain(source, steps, labels))
        source = labels[-1]
    return parts


def _split(ways: int) -> list[str]:
    return [f"split={ways}"] if ways > 1 else []


def _chain(source: str, steps: Sequence[str], labels: Sequence[str]) -> str:
    return f"[{source}]" + ",".join(steps) + "".join(f"[{label}]" for label in labels)


def frames_on_device(options: Sequence[str]) -> tuple[str, ...]:
    """The options of an encoder, for frames of CUDA: their pixel format is that of the surfaces."""
    changed = list(options)
    changed[changed.index("-pix_fmt") + 1] = "cuda"
    return tuple(changed)


def device_arguments(rungs: Sequence[Rung]) -> tuple[str, ...]:
    """The options that open the device to which the filter graph uploads frames; FFmpeg chooses the first."""
    if not any(_is_vaapi(rung) for rung in rungs):
        return ()
    return ("-init_hw_device", "vaapi=gpu", "-filter_hw_device", "gpu")


def upload_chains(rungs: Sequence[Rung]) -> str:
    """What follows the filter graph for the encoders that accept only frames of a device."""
    return "".join(
        f";[v{index}]format={_SURFACES[rung.pixel_format]},hwupload[{output_label(index, rung)}]"
        for index, rung in enumerate(rungs)
        if _is_vaapi(rung)
    )


def output_label(index: int, rung: Rung) -> str:
    """The label of the frames of a rung that its encoder gets."""
    return f"d{index}" if _is_vaapi(rung) else f"v{index}"


def _is_vaapi(rung: Rung) -> bool:
    return is_hardware(rung.encoder) and rung.encoder.endswith("_vaapi")
