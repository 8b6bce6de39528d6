"""Converts audio of an external recorder to a track of a local MP4 or MOV, to be combined with a video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from eddyline.core.errors import InputError, ToolError, UnsupportedError, UsageError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.audio.decoding import DecodedAudio, decode_first_frames
from eddyline.media.audio.encode import encode_track
from eddyline.media.audio.tracks import probe_audio_tracks
from eddyline.media.ladder.profile import AudioSettings
from eddyline.media.source.ffprobe import classify_tool_error
from eddyline.media.source.remux_audio import lossless_codec
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

# Demuxers that read one local file, and no files that it references.
DEMUXERS = "wav,w64,aiff,caf,mp3,aac,flac,ogg,ac3,eac3,mov,matroska,mpegts,mpeg,avi,asf,au,voc,amr"
# Codecs that all players support in MP4.
_PLAYABLE = frozenset({"aac", "ac3", "eac3", "alac", "mp3"})
_MP4_CODECS = _PLAYABLE | {"flac", "opus"}
_BASE_S, _BYTES_PER_S = 120.0, 500_000  # time limit: a base, plus the size at this speed
_KBPS = 96  # per channel: transparent
_FILL_GAPS = "aresample=async=1:min_hard_comp=0.01"  # gaps become silence, because PCM has no timestamps
_VIRTUAL_RATE = 10_000_000  # Hz: gives a resolution of 0.1 ppm for clock errors


@dataclass(frozen=True, kw_only=True)
class PreparedAudio:
    """The first audio track of the file `path`; `encoded` if it was encoded to AAC."""

    path: Path
    codec: str
    channels: int
    sample_rate: int
    encoded: bool


def prepare_external_audio(
    path: Path,
    work: Path,
    *,
    ppm: float,
    copy: bool,
    tools: Toolchain,
    runner: Runner,
    container: str = "mp4",
) -> PreparedAudio:
    """Write the first audio track of `path` to a file in the directory `work`.

    Codecs that players support are copied; others are encoded to AAC. With `copy`, codecs that MP4 supports
    are copied, and PCM is kept bit for bit, as Apple Lossless if that supports its channels, else as PCM in
    `container` ("mp4", "mov"). With `ppm`, audio of a clock that ran `ppm` too fast is resampled and encoded.
    Raises `InputError`, `UnsupportedError` (a codec that cannot be copied), `UsageError`, `ToolError`.
    """
    found = _first_frames(path, tools, runner)
    codec, lossless = found.codec, copy and found.codec.startswith("pcm_")
    if copy and ppm:
        raise UsageError("resampled audio cannot be copied", remedy="omit --copy or --drift")
    copyable = codec in (_MP4_CODECS if copy else _PLAYABLE)
    if copy and not copyable and not lossless:
        raise UnsupportedError(f"MP4 does not support {codec} audio", remedy="omit --copy")
    work.mkdir(parents=True, exist_ok=True)
    if copyable and not ppm:
        out = work / "copied.mp4"
        _convert(path, out, ("-c", "copy", "-f", "mp4"), tools, runner)
        return _unencoded(out, found)
    if lossless:
        out, codec = work / f"exact.{container}", lossless_codec(found)
        options = ("-af", f"{_FILL_GAPS}:first_pts=0", "-c:a", codec, "-f", container)
        _convert(path, out, options, tools, runner)
        return _unencoded(out, replace(found, codec=codec))
    pcm = work / "plain.mov"
    filters = f"{_FILL_GAPS},{resample_filters(found.sample_rate, ppm)}" if ppm else _FILL_GAPS
    _convert(path, pcm, ("-af", filters, "-c:a", "pcm_s24le", "-f", "mov"), tools, runner)
    out = work / "encoded.mp4"
    settings = AudioSettings(kbps_per_channel=_KBPS)
    facts = _facts(pcm, path, work, tools, runner)
    encoded = encode_track(pcm, facts, settings, tools=tools, runner=runner, out=out)
    pcm.unlink(missing_ok=True)
    return PreparedAudio(
        path=out,
        codec="aac",
        channels=encoded.channels,
        sample_rate=encoded.sample_rate,
        encoded=True,
    )


def _unencoded(path: Path, found: DecodedAudio) -> PreparedAudio:
    return PreparedAudio(
        path=path,
        codec=found.codec,
        channels=found.channels,
        sample_rate=found.sample_rate,
        encoded=False,
    )


def _facts(pcm: Path, path: Path, work: Path, tools: Toolchain, runner: Runner) -> AudioFacts:
    """Return the facts of the decoded audio, with the name of the original file as title."""
    with FileRanges(pcm) as src:
        found = probe_audio_tracks(src, read_movie(src), runner=runner, tools=tools, work=work)
    if not found.facts:
        raise _unreadable(path)
    return replace(found.facts[0], title=_title(path), language="und")


def resample_filters(rate: int, ppm: float) -> str:
    """Return the filters that correct audio of a clock `ppm` too fast: shorter by `ppm`, at the same rate."""
    fast = round(_VIRTUAL_RATE * (1 + ppm / 1e6))
    return f"asetrate={fast},aresample={_VIRTUAL_RATE}:filter_size=64:cutoff=0.97,asetrate={rate}"


def _first_frames(path: Path, tools: Toolchain, runner: Runner) -> DecodedAudio:
    opened = ("-format_whitelist", DEMUXERS, *input_args(path))
    found = decode_first_frames(opened, "0:a:0", runner=runner, tools=tools)
    if isinstance(found, DecodedAudio):
        return found
    if "decoder" in found:
        raise UnsupportedError(
            f"{path.name}: {found}", remedy="convert it to WAV first", reason="unsupported-audio"
        )
    raise _unreadable(path)


def _unreadable(path: Path) -> InputError:
    return InputError(
        f"{path.name} has no audio that can be decoded",
        remedy="pass a file with audio: WAV, M4A, MP4, MP3, ...",
    )


def _convert(path: Path, out: Path, options: tuple[str, ...], tools: Toolchain, runner: Runner) -> None:
    argv = (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", "-format_whitelist", DEMUXERS, *input_args(path)),
        *("-map", "0:a:0", "-vn", "-map_metadata", "-1", *options, "-fflags", "+bitexact"),
        f"file:{out}",
    )
    try:
        runner.run(argv, limits=Limits(wall_s=_BASE_S + path.stat().st_size / _BYTES_PER_S))
    except ToolError as error:
        raise classify_tool_error(error, f"the audio of {path.name} cannot be read") from error


def _title(path: Path) -> str:
    return "".join(char for char in path.stem if char.isprintable())[:60] or "Audio"
