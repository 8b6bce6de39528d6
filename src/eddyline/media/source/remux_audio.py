"""Selects the audio streams to keep when a source is remuxed, and their codecs.

Codecs that MP4 or QuickTime supports are copied. Others are decoded once, to a codec that keeps every sample
and the same channels: Apple Lossless for integer audio in mono and stereo, which every player supports, else
PCM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from eddyline.core.processes.runner import Runner
from eddyline.media.audio.decoding import DecodedAudio, decode_first_frames
from eddyline.media.left_out.report import LeftOut
from eddyline.media.left_out.streams import left_out_streams
from eddyline.media.toolchain import Toolchain

_COPIED: Final = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "alac"})
_COPIED_TO: Final = {
    "mp4": _COPIED | {"flac", "opus"},
    "mov": _COPIED
    | {f"pcm_{kind}" for kind in ("s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f32be")},
}
# These containers have times in milliseconds, and a copy would keep them: a cut of lossless audio would be
# off by some samples. Decoded audio is continuous to the sample.
_LOSSLESS: Final = frozenset({"flac", "alac"})
_COARSE: Final = frozenset({"matroska", "webm", "flv", "asf"})
_ALAC_BITS: Final = 24
_ALAC_LAYOUTS: Final = frozenset({"mono", "stereo"})  # ALAC orders the channels of others differently
# Limits the search for a stream that the header declares but the file does not contain.
_SEARCHED_S: Final = "60"


@dataclass(frozen=True, kw_only=True)
class AudioMapping:
    """One stream to keep: its index in the source, and its codec in the intermediate ("copy": unchanged)."""

    index: int
    codec: str = "copy"


def map_audio_streams(
    opened: Sequence[str],
    streams: Sequence[Mapping[str, Any]],
    demuxer: str,
    container: str,
    *,
    runner: Runner,
    tools: Toolchain,
) -> tuple[list[AudioMapping], list[LeftOut]]:
    """Return the audio streams to keep in an intermediate `container` ("mp4", "mov"), and those omitted.

    `opened` are the FFmpeg arguments that open the source with `demuxer`, `streams` is ffprobe's list of
    streams. FFmpeg decodes the start of a stream that is not copied, or that ffprobe cannot describe, to find
    out whether it can be decoded.
    """
    copied = _COPIED_TO[container] - (_LOSSLESS if demuxer in _COARSE else frozenset())
    kept: list[AudioMapping] = []
    left_out: list[LeftOut] = []
    for each in streams:
        if each.get("codec_type") != "audio":
            continue
        described = _number(each, "sample_rate") > 0 and _number(each, "channels") > 0
        if described and each.get("codec_name") in copied:
            kept.append(AudioMapping(index=int(each["index"])))
            continue
        searched = ("-t", _SEARCHED_S, *opened)
        found = decode_first_frames(searched, f"0:{each['index']}", runner=runner, tools=tools)
        if isinstance(found, DecodedAudio):
            kept.append(AudioMapping(index=int(each["index"]), codec=lossless_codec(found)))
        else:
            absent = not described and "decoder" not in found  # declared, but without packets
            left_out += [row if absent else replace(row, why=found) for row in left_out_streams([each], ())]
    return kept, left_out


def lossless_codec(found: DecodedAudio) -> str:
    """Return the codec that keeps every decoded sample and the same channels."""
    bits = found.bits or {"u8": 8, "s16": 16, "s32": 32, "s64": 32}.get(found.sample_format, 0)
    lossy = not bits and not found.codec.startswith("pcm_")
    if found.layout in _ALAC_LAYOUTS and (lossy or 0 < bits <= _ALAC_BITS):
        return "alac"
    if not bits:
        return "pcm_f64le" if found.sample_format == "dbl" else "pcm_f32le"
    return f"pcm_s{max(16, -(-bits // 8) * 8)}le"


def _number(stream: Mapping[str, Any], key: str) -> int:
    try:
        return int(stream.get(key) or 0)
    except ValueError:
        return 0
