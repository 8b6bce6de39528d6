"""Sound that a recorder of its own wrote, made ready to lie beside a picture: one local MP4 or MOV track."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eddyline.core.errors import InputError, ToolError, UnsupportedError, UsageError
from eddyline.core.process import Limits, Runner
from eddyline.media.audio import encode_track
from eddyline.media.ffprobe import ask, blamed
from eddyline.media.profile import AudioSettings
from eddyline.media.source import AudioFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args

# Demuxers that read one local file and nothing that it names.
FORMATS = "wav,w64,aiff,caf,mp3,aac,flac,ogg,ac3,eac3,mov,matroska,mpegts,mpeg,avi,asf,au,voc,amr"
# What every player takes from an MP4 as it is.
_PLAYED = frozenset({"aac", "ac3", "eac3", "alac", "mp3"})
_HELD = _PLAYED | {"flac", "opus"}
# What Apple Lossless holds bit for bit: few players take uncompressed sound in an MP4, and all take this.
_LOSSLESS = frozenset({"pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"})
_BASE_S, _BYTES_A_SECOND = 120.0, 500_000
_KBPS = 96  # a channel: transparent
_VIRTUAL = 10_000_000  # Hz: a clock's error is set to a tenth of a millionth


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The first audio track of `path`; `codec` as it lies there, `encoded` whether it was encoded anew."""

    path: Path
    codec: str
    channels: int
    sample_rate: int
    encoded: bool


def prepare(
    path: Path,
    work: Path,
    *,
    ppm: float,
    copy: bool,
    tools: Toolchain,
    runner: Runner,
) -> Ready:
    """Make the first sound of `path` a track of its own in the folder `work`.

    AAC and what else players know is copied; anything else is encoded to AAC, once. `copy`: copied, and
    what is uncompressed kept bit for bit as Apple Lossless. `ppm`: resampled as from a clock that ran so
    much too fast, and encoded.
    Raises `InputError`, `UnsupportedError` (a codec that cannot be copied), `UsageError`, `ToolError`.
    """
    stream = _stream(path, tools, runner)
    codec, channels = str(stream["codec_name"]), int(stream.get("channels", 0) or 0)
    rate = int(stream.get("sample_rate", 0) or 0)
    if not channels or not rate:
        raise InputError(f"the sound of {path.name} cannot be read", remedy="convert it to WAV first")
    if copy and ppm:
        raise UsageError("what is resampled cannot be copied", remedy="leave out --copy or --drift")
    fits = codec in (_HELD if copy else _PLAYED)
    exact = copy and codec in _LOSSLESS
    if copy and not fits and not exact:
        raise UnsupportedError(f"MP4 does not hold {codec} sound", remedy="leave out --copy")
    work.mkdir(parents=True, exist_ok=True)
    facts = AudioFacts(
        track=1, codec=codec, channels=channels, sample_rate=rate, title=_title(path), language="und"
    )
    if fits and not ppm:
        made = work / "copied.mp4"
        _run(path, made, ("-c", "copy", "-f", "mp4"), tools, runner)
        return Ready(path=made, codec=codec, channels=channels, sample_rate=rate, encoded=False)
    if exact:
        made = work / "lossless.mp4"
        lossless(path, made, tools=tools, runner=runner)
        return Ready(path=made, codec="alac", channels=channels, sample_rate=rate, encoded=False)
    plain = work / "plain.mov"
    filters = ("-af", resampling(rate, ppm)) if ppm else ()
    _run(path, plain, (*filters, "-c:a", "pcm_s24le", "-f", "mov"), tools, runner)
    out = work / "encoded.mp4"
    settings = AudioSettings(kbps_per_channel=_KBPS)
    made_of = encode_track(plain, facts, settings, tools=tools, runner=runner, out=out)
    plain.unlink(missing_ok=True)
    return Ready(
        path=out,
        codec="aac",
        channels=made_of.channels,
        sample_rate=made_of.sample_rate,
        encoded=True,
    )


def lossless(path: Path, out: Path, *, tools: Toolchain, runner: Runner) -> None:
    """The first sound of `path` from its movie's zero on, in `out`, as Apple Lossless: the same samples."""
    _run(path, out, ("-af", "aresample=async=1:first_pts=0", "-c:a", "alac", "-f", "mp4"), tools, runner)


def resampling(rate: int, ppm: float) -> str:
    """The filters that slow down what a clock `ppm` too fast recorded: shorter by that much, same rate."""
    fast = round(_VIRTUAL * (1 + ppm / 1e6))
    return f"asetrate={fast},aresample={_VIRTUAL}:filter_size=64:cutoff=0.97,asetrate={rate}"


def _stream(path: Path, tools: Toolchain, runner: Runner) -> dict[str, Any]:
    answer = ask(
        path,
        "-format_whitelist",
        FORMATS,
        "-show_streams",
        "-select_streams",
        "a:0",
        tools=tools,
        runner=runner,
    )
    streams = answer.get("streams") or []
    if not streams or not streams[0].get("codec_name"):
        raise InputError(
            f"{path.name} has no sound", remedy="give a file with sound: WAV, M4A, MP4, MP3, ..."
        )
    return dict(streams[0])


def _run(path: Path, out: Path, options: tuple[str, ...], tools: Toolchain, runner: Runner) -> None:
    argv = (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", "-format_whitelist", FORMATS, *input_args(path)),
        *("-map", "0:a:0", "-vn", "-map_metadata", "-1", *options, "-fflags", "+bitexact"),
        f"file:{out}",
    )
    try:
        runner.run(argv, limits=Limits(wall_s=_BASE_S + path.stat().st_size / _BYTES_A_SECOND))
    except ToolError as error:
        raise blamed(error, f"the sound of {path.name} cannot be read") from error


def _title(path: Path) -> str:
    return "".join(char for char in path.stem if char.isprintable())[:60] or "Audio"
