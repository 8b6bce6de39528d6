"""Sound that a recorder of its own wrote, made ready to lie beside a picture: one local MP4 or MOV track."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from eddyline.core.errors import InputError, ToolError, UnsupportedError, UsageError
from eddyline.core.process import Limits, Runner
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

# Demuxers that read one local file and nothing that it names.
DEMUXERS = "wav,w64,aiff,caf,mp3,aac,flac,ogg,ac3,eac3,mov,matroska,mpegts,mpeg,avi,asf,au,voc,amr"
# What every player takes from an MP4 as it is.
_PLAYED = frozenset({"aac", "ac3", "eac3", "alac", "mp3"})
_HELD = _PLAYED | {"flac", "opus"}
_BASE_S, _BYTES_A_SECOND = 120.0, 500_000
_KBPS = 96  # a channel: transparent
_GAPS = "aresample=async=1:min_hard_comp=0.01"  # holes become silence: PCM has no times of its own
_VIRTUAL = 10_000_000  # Hz: a clock's error is set to a tenth of a millionth


@dataclass(frozen=True, kw_only=True)
class PreparedAudio:
    """The first audio track of `path`; `codec` as it lies there, `encoded` whether it was encoded anew."""

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
    """Make the first sound of `path` a track of its own in the folder `work`.

    AAC and what else players know is copied; anything else is encoded to AAC, once. `copy`: copied, and
    what is uncompressed kept bit for bit, as Apple Lossless where that has the same channels, else as PCM in
    the form of `container` ("mp4", "mov"). `ppm`: resampled as from a clock that ran so
    much too fast, and encoded.
    Raises `InputError`, `UnsupportedError` (a codec that cannot be copied), `UsageError`, `ToolError`.
    """
    found = _first_frames(path, tools, runner)
    codec, exact = found.codec, copy and found.codec.startswith("pcm_")
    if copy and ppm:
        raise UsageError("what is resampled cannot be copied", remedy="leave out --copy or --drift")
    fits = codec in (_HELD if copy else _PLAYED)
    if copy and not fits and not exact:
        raise UnsupportedError(f"MP4 does not hold {codec} sound", remedy="leave out --copy")
    work.mkdir(parents=True, exist_ok=True)
    if fits and not ppm:
        made = work / "copied.mp4"
        _run(path, made, ("-c", "copy", "-f", "mp4"), tools, runner)
        return _ready(made, found, encoded=False)
    if exact:
        made, kept = work / f"exact.{container}", lossless_codec(found)
        _run(path, made, ("-af", f"{_GAPS}:first_pts=0", "-c:a", kept, "-f", container), tools, runner)
        return _ready(made, replace(found, codec=kept), encoded=False)
    plain = work / "plain.mov"
    filters = f"{_GAPS},{resample_filters(found.sample_rate, ppm)}" if ppm else _GAPS
    _run(path, plain, ("-af", filters, "-c:a", "pcm_s24le", "-f", "mov"), tools, runner)
    out = work / "encoded.mp4"
    settings = AudioSettings(kbps_per_channel=_KBPS)
    facts = _facts(plain, path, work, tools, runner)
    made_of = encode_track(plain, facts, settings, tools=tools, runner=runner, out=out)
    plain.unlink(missing_ok=True)
    return PreparedAudio(
        path=out,
        codec="aac",
        channels=made_of.channels,
        sample_rate=made_of.sample_rate,
        encoded=True,
    )


def _ready(path: Path, found: DecodedAudio, *, encoded: bool) -> PreparedAudio:
    return PreparedAudio(
        path=path,
        codec=found.codec,
        channels=found.channels,
        sample_rate=found.sample_rate,
        encoded=encoded,
    )


def _facts(plain: Path, path: Path, work: Path, tools: Toolchain, runner: Runner) -> AudioFacts:
    """What is known of the decoded audio, under the title of the file that it is from."""
    with FileRanges(plain) as src:
        found = probe_audio_tracks(src, read_movie(src), runner=runner, tools=tools, work=work)
    if not found.facts:
        raise _unreadable(path)
    return replace(found.facts[0], title=_title(path), language="und")


def resample_filters(rate: int, ppm: float) -> str:
    """The filters that slow down what a clock `ppm` too fast recorded: shorter by that much, same rate."""
    fast = round(_VIRTUAL * (1 + ppm / 1e6))
    return f"asetrate={fast},aresample={_VIRTUAL}:filter_size=64:cutoff=0.97,asetrate={rate}"


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
        f"{path.name} has no sound that can be decoded",
        remedy="give a file with sound: WAV, M4A, MP4, MP3, ...",
    )


def _run(path: Path, out: Path, options: tuple[str, ...], tools: Toolchain, runner: Runner) -> None:
    argv = (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", "-format_whitelist", DEMUXERS, *input_args(path)),
        *("-map", "0:a:0", "-vn", "-map_metadata", "-1", *options, "-fflags", "+bitexact"),
        f"file:{out}",
    )
    try:
        runner.run(argv, limits=Limits(wall_s=_BASE_S + path.stat().st_size / _BYTES_A_SECOND))
    except ToolError as error:
        raise classify_tool_error(error, f"the sound of {path.name} cannot be read") from error


def _title(path: Path) -> str:
    return "".join(char for char in path.stem if char.isprintable())[:60] or "Audio"
