"""Re-encodes the frames at the ends of a cut with the source's coding parameters, for one common track."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError, UnsupportedError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.colours import is_rgb
from eddyline.media.video.parameter_set_ids import HevcSetIds, unused_id
from eddyline.media.video.parameter_sets import ParameterSets, read_parameter_sets
from eddyline.mp4.bitstream.nal_units import (
    HEVC_PPS,
    HEVC_SPS,
    HEVC_VPS,
    join_nal_units,
    nal_unit_type,
    split_nal_units,
)
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import Slice, iter_samples
from eddyline.store.ranges import FileRanges

# profile_idc -> x264's name (ITU-T H.264 annex A)
_AVC_PROFILES: Mapping[int, str] = {
    66: "baseline",
    77: "main",
    88: "main",
    100: "high",
    110: "high10",
    122: "high422",
    244: "high444",
}
_MAX_HEVC_PROFILE = 4  # Main, Main 10, still pictures, range extensions (ITU-T H.265 annex A)
_AVC_FORMATS = frozenset(
    f"yuv{chroma}p{depth}" for chroma in ("420", "422", "444") for depth in ("", "10le")
) | {"yuvj420p", "yuvj422p", "yuvj444p", "gray", "gray10le", "gbrp"}
_HEVC_FORMATS = frozenset({"yuv420p", "yuvj420p", "yuv420p10le", "yuv422p10le"})
_HEVC_PARAMETER_SETS = frozenset({HEVC_VPS, HEVC_SPS, HEVC_PPS})
# An end of sequence unit: decoding restarts after it, even at a CRA picture (H.265 section 7.4.2.4.4).
END_OF_SEQUENCE: Mapping[str, bytes] = {"hevc": b"\x48\x01"}
_LEVELS = range(10, 63)
# Close to the camera's quality: for one or two GOPs, invisible seams matter more than bits.
_CRF = {"h264": "14", "hevc": "15"}
_BASE_S, _FRAME_S = 120.0, 20.0


@dataclass(frozen=True, kw_only=True)
class EncodedSamples:
    """Encoded samples: int64[n] offsets and sizes in `path`, with decode order equal to display order.

    The first is an IDR picture. `added` are the parameter sets of the samples, with ids that the camera does
    not use.
    """

    path: Path
    offset: np.ndarray[tuple[int], np.dtype[np.int64]]
    size: np.ndarray[tuple[int], np.dtype[np.int64]]
    sync: np.ndarray[tuple[int], np.dtype[np.bool_]]
    added: tuple[bytes, ...]


def require_reencodable(sets: ParameterSets, facts: VideoFacts, tools: Toolchain) -> None:
    """Raise `UnsupportedError` for video that cannot be encoded with the source's coding parameters."""
    unsupported = ""
    if facts.interlaced:
        unsupported = "interlaced video"
    elif sets.codec == "h264" and sets.profile not in _AVC_PROFILES:
        unsupported = f"H.264 of profile {sets.profile}"
    elif sets.codec == "h264" and facts.pixel_format not in _AVC_FORMATS:
        unsupported = f"H.264 with {facts.pixel_format} pixels"
    elif sets.codec == "hevc" and (
        sets.profile > _MAX_HEVC_PROFILE or facts.pixel_format not in _HEVC_FORMATS
    ):
        unsupported = f"HEVC of profile {sets.profile} with {facts.pixel_format} pixels"
    if unsupported:
        raise UnsupportedError(f"{unsupported} cannot be re-encoded", remedy="cut with --keyframes")
    tools.require({_x264_name(facts) if sets.codec == "h264" else "libx265"})


def reencode(
    piece: Slice,
    facts: VideoFacts,
    sets: ParameterSets,
    *,
    out: Path,
    tools: Toolchain,
    runner: Runner,
    end_sequence: bool,
) -> EncodedSamples:
    """Encode a slice's wanted frames to `out` (concatenated samples).

    `end_sequence`: copied samples follow, which need an end of sequence. Raises `ProofError` if
    frames are missing, `UnsupportedError`, `ToolError`.
    """
    encoded = out.with_suffix(".mp4")
    set_id = unused_id(sets) if sets.codec == "h264" else 0
    limits = Limits(wall_s=_BASE_S + _FRAME_S * max(piece.frames, piece.samples))
    try:
        runner.run(reencode_command(piece, facts, sets, encoded, tools, set_id), limits=limits)
        return _read_samples(encoded, piece, sets, out, end_sequence=end_sequence)
    finally:
        with contextlib.suppress(FileNotFoundError):
            encoded.unlink()


def reencode_command(
    piece: Slice, facts: VideoFacts, sets: ParameterSets, encoded: Path, tools: Toolchain, set_id: int
) -> tuple[str, ...]:
    """FFmpeg's command line; `set_id` is the id of H.264 parameter sets."""
    steps = [f"trim=start_pts={piece.start_pts}:end_pts={piece.end_pts}", *_colours(facts)]
    encoder = _x264(sets, facts, set_id) if sets.codec == "h264" else _x265()
    # FFmpeg passes only packed RGB to x264, and would silently convert planar RGB to YCbCr.
    packed = sets.codec == "h264" and is_rgb(facts.pixel_format)
    return (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y"),
        # Whole frames, like the copied ones: cropping and rotation are in the metadata.
        *("-copyts", "-noautorotate", "-apply_cropping", "codec", "-an", "-sn", "-dn"),
        *input_args(piece.path),
        *("-map", "0:v:0", "-vf", ",".join(steps), "-pix_fmt", "bgr24" if packed else facts.pixel_format),
        *("-crf", _CRF[sets.codec], "-bf", "0", "-g", "9999", *encoder),
        *("-fps_mode", "passthrough", "-enc_time_base", f"1:{piece.timescale}"),
        *("-video_track_timescale", str(piece.timescale), "-map_metadata", "-1"),
        *("-fflags", "+bitexact", "-f", "mp4", f"file:{encoded}"),
    )


def _colours(facts: VideoFacts) -> list[str]:
    """The source's colour tags; unspecified ones stay unspecified."""
    tags = {
        "range": "pc" if facts.full_range else "tv",
        "color_primaries": facts.primaries,
        "color_trc": facts.transfer,
        "colorspace": facts.matrix,
    }
    values = [f"{name}={value}" for name, value in tags.items() if value != "unknown"]
    return [f"setparams={':'.join(values)}"]


def _x264_name(facts: VideoFacts) -> str:
    return "libx264rgb" if is_rgb(facts.pixel_format) else "libx264"


def _x264(sets: ParameterSets, facts: VideoFacts, set_id: int) -> tuple[str, ...]:
    parameters = f"sps-id={set_id}:scenecut=0:open-gop=0:rc-lookahead=10"
    level = ("-level:v", f"{sets.level / 10:.1f}") if sets.level in _LEVELS else ()
    return (
        *("-c:v", _x264_name(facts), "-preset", "medium", "-profile:v", _AVC_PROFILES[sets.profile], *level),
        *("-x264-params", parameters),
    )


def _x265() -> tuple[str, ...]:
    parameters = "scenecut=0:open-gop=0:repeat-headers=0:info=0:wpp=0:log-level=error"
    return ("-c:v", "libx265", "-preset", "fast", "-tag:v", "hvc1", "-x265-params", parameters)


def _read_samples(
    encoded: Path, piece: Slice, sets: ParameterSets, out: Path, *, end_sequence: bool
) -> EncodedSamples:
    """The encoded samples, with the camera's NAL unit length size and unused parameter set ids."""
    with FileRanges(encoded) as source:
        track = read_movie(source).first_track("video")
        if track is None or len(track.samples) != piece.frames:
            count = 0 if track is None else len(track.samples)
            raise ProofError(f"{count} of {piece.frames} frames at an end of the cut were encoded")
        if np.any(np.diff(track.samples.pts) <= 0) or not track.samples.sync[0]:
            raise ProofError("the frames at an end of the cut were encoded out of order")
        own = read_parameter_sets(track.stsd)
        ids = HevcSetIds.unused(sets) if sets.codec == "hevc" else None
        sizes = []
        with out.open("wb") as file:
            for place, data in enumerate(iter_samples(source, track)):
                units = list(split_nal_units(data, own.length_size))
                if ids is not None:
                    units = [ids.renumber(unit) for unit in units]
                if end_sequence and place == piece.frames - 1 and sets.codec in END_OF_SEQUENCE:
                    units.append(END_OF_SEQUENCE[sets.codec])
                sizes.append(file.write(join_nal_units(units, sets.length_size)))
        added = own.units
        if ids is not None:
            added = tuple(
                ids.renumber(unit)
                for unit in own.units
                if nal_unit_type("hevc", unit) in _HEVC_PARAMETER_SETS
            )
        size = np.array(sizes, np.int64)
        return EncodedSamples(
            path=out, offset=np.cumsum(size) - size, size=size, sync=track.samples.sync.copy(), added=added
        )
