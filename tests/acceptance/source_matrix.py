"""Small sources, sampled by seed: container x codec x orientation x aspect x rate x audio x timeline."""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

_MOVIE = ("mp4", "mov")
_FRAGMENTED = "frag_keyframe+delay_moov+default_base_moof"


@dataclass(frozen=True, kw_only=True)
class Codec:
    """FFmpeg's options for a codec; empty `sizes` and `rates` mean all of the matrix."""

    options: tuple[str, ...]
    pixels: tuple[str, ...] = ("yuv420p",)
    sizes: tuple[str, ...] = ()
    rates: tuple[str, ...] = ()
    bframes: bool = False


_X265 = "log-level=error:pools=1:frame-threads=1"
_MPEG2_RATES = ("24000/1001", "25", "30000/1001", "50", "60000/1001")
CODECS = {
    "h264": Codec(
        options=("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12"),
        pixels=("yuv420p", "yuvj420p", "yuv422p10le", "yuv444p"),
        bframes=True,
    ),
    "hevc": Codec(
        options=("-c:v", "libx265", "-preset", "ultrafast", "-crf", "12", "-x265-params", _X265),
        pixels=("yuv420p", "yuv420p10le"),
        sizes=("128x72", "72x128", "96x96"),
        bframes=True,
    ),
    "av1": Codec(options=("-c:v", "libsvtav1", "-preset", "12", "-crf", "15"), sizes=("128x72", "96x96")),
    "vp8": Codec(options=("-c:v", "libvpx", "-b:v", "3M", "-cpu-used", "8", "-deadline", "realtime")),
    "vp9": Codec(
        options=("-c:v", "libvpx-vp9", "-b:v", "3M", "-cpu-used", "8", "-deadline", "realtime"),
        pixels=("yuv420p", "yuv444p", "gbrp"),
    ),
    "mpeg4": Codec(options=("-c:v", "mpeg4", "-q:v", "2"), bframes=True),
    "mpeg2": Codec(options=("-c:v", "mpeg2video", "-q:v", "2"), rates=_MPEG2_RATES, bframes=True),
    "mjpeg": Codec(options=("-c:v", "mjpeg", "-q:v", "2"), pixels=("yuvj420p", "yuvj444p")),
    "prores": Codec(options=("-c:v", "prores_ks"), pixels=("yuv422p10le", "yuva444p10le")),
    "dnxhr": Codec(
        options=("-c:v", "dnxhd", "-profile:v", "dnxhr_hq"), pixels=("yuv422p",), sizes=("256x144",)
    ),
    "cfhd": Codec(options=("-c:v", "cfhd"), pixels=("yuv422p10le", "gbrp12le"), sizes=("128x72", "96x96")),
    "png": Codec(options=("-c:v", "png"), pixels=("rgb24", "rgba", "gray", "pal8")),
    "qtrle": Codec(options=("-c:v", "qtrle"), pixels=("rgb24", "argb")),
    "raw": Codec(options=("-c:v", "rawvideo"), pixels=("uyvy422", "rgb24")),
    "ffv1": Codec(options=("-c:v", "ffv1"), pixels=("yuv420p", "yuv422p10le", "bgr0", "gray")),
    "huffyuv": Codec(options=("-c:v", "huffyuv"), pixels=("yuv422p", "rgb24")),
    "utvideo": Codec(options=("-c:v", "utvideo"), pixels=("yuv420p", "gbrp")),
    "theora": Codec(options=("-c:v", "libtheora", "-q:v", "9")),
    "wmv2": Codec(options=("-c:v", "wmv2", "-q:v", "2")),
    "flv1": Codec(options=("-c:v", "flv", "-q:v", "2")),
    "h263": Codec(options=("-c:v", "h263", "-q:v", "2"), sizes=("176x144",), rates=("30000/1001",)),
    "dv": Codec(
        options=("-c:v", "dvvideo"), pixels=("yuv420p",), sizes=("720x576",), rates=("25",)
    ),
}  # fmt: skip
# container -> (video codecs, audio codecs)
CONTAINERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mp4": (
        ("h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2", "mjpeg", "png"),
        ("aac", "libmp3lame", "ac3", "alac", "libopus", "flac", "pcm_s16le", "pcm_s24be", "pcm_f32le"),
    ),
    "mov": (
        ("h264", "hevc", "prores", "dnxhr", "cfhd", "mjpeg", "png", "qtrle", "raw", "mpeg4", "dv"),
        (
            *("aac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f64le"),
            *("pcm_alaw", "adpcm_ima_qt", "alac"),
        ),
    ),
    "mkv": (
        (
            *("h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg2", "prores"),
            *("ffv1", "huffyuv", "utvideo", "theora", "raw"),
        ),
        ("aac", "libopus", "libvorbis", "flac", "pcm_s24le", "eac3", "libmp3lame"),
    ),
    "webm": (("vp8", "vp9", "av1"), ("libopus", "libvorbis")),
    "avi": (
        ("mpeg4", "mjpeg", "h264", "huffyuv", "ffv1", "utvideo", "raw"),
        ("libmp3lame", "pcm_s16le", "ac3"),
    ),
    "ts": (("h264", "hevc", "mpeg2"), ("aac", "ac3", "libmp3lame")),
    "mpg": (("mpeg2",), ("mp2", "ac3")),
    "flv": (("h264", "flv1"), ("aac",)),
    "wmv": (("wmv2",), ("wmav2",)),
    "ogv": (("theora",), ("libvorbis",)),
    "3gp": (("h263", "h264"), ("aac",)),
    "mxf": (("mpeg2", "dnxhr"), ("pcm_s16le",)),
}
_SQUARE = ("h263", "dv", "png", "qtrle")  # formats whose aspect FFmpeg takes from their size or header
SIZES = ("128x72", "72x128", "96x96", "136x72", "127x71")
_EVEN_ONLY = ("yuv420p", "yuvj420p", "yuv422p", "yuv422p10le", "uyvy422", "yuv420p10le")
RATES = ("1/2", "1", "12", "24000/1001", "25", "30000/1001", "50", "60000/1001", "120", "240", "1000")
ASPECTS = ("1/1", "1/1", "1/1", "4/3", "12/11", "1/2")
LAYOUTS = ("none", "mono", "stereo", "stereo", "5.1", "quad", "7.1", "two tracks")
_LAYOUTS_OF = {
    "libmp3lame": ("mono", "stereo"),
    "mp2": ("mono", "stereo"),
    "wmav2": ("mono", "stereo"),
    "adpcm_ima_qt": ("mono", "stereo"),
    "pcm_alaw": ("mono", "stereo"),
    "ac3": ("mono", "stereo", "5.1"),
    "eac3": ("mono", "stereo", "5.1"),
}
# Only in MP4 and MOV: the eight display matrices as (rotation, mirrored), and timelines.
ORIENTATIONS = tuple((rotation, mirrored) for rotation in (0, 90, 180, 270) for mirrored in (False, True))
TIMELINES = (
    "plain",
    "plain",
    "trimmed",
    "late video",
    "late audio",
    "long last frame",
    "variable",
    "fragmented",
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One cell of the matrix; `rate` in frames/s, `aspect` of a pixel, `rotation` in degrees."""

    container: str
    codec: str
    pixels: str
    size: str
    rate: str
    aspect: str = "1/1"
    rotation: int = 0
    mirrored: bool = False
    timeline: str = "plain"
    audio: str = "none"
    audio_codec: str = ""
    bframes: int = 0
    gop: int = 12

    @property
    def frames(self) -> int:
        """The frames of about one second, at least 3 and at most 120."""
        return min(max(3, round(Fraction(self.rate))), 120)


def sampled(seed: int, count: int) -> list[Source]:
    """`count` different sources of the matrix, determined by the seed."""
    rng = random.Random(seed)
    found: dict[Source, None] = {}
    while len(found) < count:
        found.setdefault(_random_source(rng))
    return list(found)


def _random_source(rng: random.Random) -> Source:
    container = rng.choice([*CONTAINERS, *_MOVIE, *_MOVIE, *_MOVIE])
    videos, audios = CONTAINERS[container]
    name = rng.choice(videos)
    codec = CODECS[name]
    pixels = rng.choice(codec.pixels)
    sizes = codec.sizes or tuple(s for s in SIZES if s != "127x71" or pixels not in _EVEN_ONLY)
    layout, audio_codec = rng.choice(LAYOUTS), rng.choice(audios)
    if layout not in {"none", "two tracks"} and layout not in _LAYOUTS_OF.get(audio_codec, LAYOUTS):
        layout = "stereo"
    rotation, mirrored = (
        rng.choice(ORIENTATIONS) if container in _MOVIE and rng.random() < 0.5 else (0, False)
    )
    timeline = rng.choice(TIMELINES) if container in _MOVIE else rng.choice(("plain", "plain", "variable"))
    rates = codec.rates or (RATES if container in {*_MOVIE, "mkv"} else RATES[2:8])
    if timeline == "variable" and codec.rates:
        timeline = "plain"
    return Source(
        container=container,
        codec=name,
        pixels=pixels,
        size=rng.choice(sizes),
        rate=rng.choice(rates),
        aspect="1/1" if name in _SQUARE else rng.choice(ASPECTS),
        rotation=rotation,
        mirrored=mirrored,
        timeline=timeline,
        audio=layout,
        audio_codec="" if layout == "none" else audio_codec,
        bframes=rng.choice((0, 2)) if codec.bframes else 0,
        gop=rng.choice((1, 7, 12, 250)),
    )


def write(source: Source, path: Path, ffmpeg: str) -> None:
    """Encode the file; raises `CalledProcessError` if FFmpeg cannot."""
    draft = path.with_name(f"draft-{path.name}")
    _run(ffmpeg, *_inputs(source), *_encoding(source), str(draft))
    second = _second_pass(source, draft)
    if second:
        _run(ffmpeg, *second, str(path))
        draft.unlink()
    else:
        draft.rename(path)


def _inputs(source: Source) -> list[str]:
    seconds = float(source.frames / Fraction(source.rate))
    # Blurred: 4:2:0 does not keep the colour of single pixels, which would hide errors of the conversion.
    pattern = f"testsrc2=s={source.size}:r={source.rate}:d={seconds + 1},gblur=sigma=2.5"
    video = ["-f", "lavfi", "-i", pattern]
    if source.audio == "none":
        return video
    layout = "stereo" if source.audio == "two tracks" else source.audio
    count = {"mono": 1, "stereo": 2, "quad": 4, "5.1": 6, "7.1": 8}[layout]
    tones = "|".join(f"0.2*sin({300 + 110 * n}*t)" for n in range(count))
    return [*video, "-f", "lavfi", "-i", f"aevalsrc={tones}:c={layout}:s=48000:d={min(seconds, 10)}"]


def _encoding(source: Source) -> list[str]:
    filters = f"setsar={source.aspect},format={source.pixels}"
    if source.timeline == "variable":
        filters = f"select='not(eq(mod(n,5),3))',{filters}"
    options = ["-map", "0:v", "-frames:v", str(source.frames), "-vf", filters, "-fps_mode", "passthrough"]
    options += [*CODECS[source.codec].options, "-g", str(source.gop), "-threads", "1"]
    options += ["-bf", str(source.bframes)] if CODECS[source.codec].bframes else []
    if source.container == "mkv" and source.codec == "raw":
        options += ["-allow_raw_vfw", "1"]
    if source.container == "mov" and source.pixels == "uyvy422":
        options += ["-tag:v", "2vuy"]  # FFmpeg's default tag means RGB
    if source.codec in {"h264", "hevc"}:
        options += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    if source.audio != "none":
        options += ["-map", "1:a", *(["-map", "1:a"] if source.audio == "two tracks" else [])]
        options += ["-c:a", source.audio_codec, "-strict", "-2"]
    if source.timeline == "fragmented":
        options += ["-movflags", _FRAGMENTED]
    return options


def _second_pass(source: Source, draft: Path) -> list[str]:
    """Arguments that remux the draft with its display matrix and timeline; empty if it is final."""
    oriented = source.rotation or source.mirrored
    if not oriented and source.timeline in {"plain", "variable", "fragmented"}:
        return []
    # FFmpeg's option is anticlockwise.
    orientation = ["-display_rotation:v:0", str(-source.rotation)] if oriented else []
    orientation += ["-display_hflip:v:0"] if source.mirrored else []
    draft_input, copy = ["-i", str(draft)], ["-c", "copy", "-strict", "-2"]
    both = [*copy, "-map", "0:v", "-map", "1:a"]
    whole = ["-map", "0", *copy]
    if source.timeline == "trimmed":
        middle = float(source.frames / Fraction(source.rate)) / 3
        arguments = ["-ss", f"{middle:.3f}", *draft_input, *whole]
    elif source.timeline == "late audio" and source.audio != "none":
        arguments = [*draft_input, "-itsoffset", "0.2", *draft_input, *both]
    elif source.timeline == "late video" and source.audio != "none":
        arguments = ["-itsoffset", "0.2", *draft_input, *draft_input, *both]
    elif source.timeline == "long last frame":
        longer_last = f"setts=pts=PTS:dts=DTS:duration='if(eq(N,{source.frames - 1}),DURATION*7,DURATION)'"
        arguments = [*draft_input, *whole, "-bsf:v", longer_last]
    elif source.timeline == "fragmented":
        arguments = [*draft_input, *whole, "-movflags", _FRAGMENTED]
    else:
        arguments = [*draft_input, *whole]
    return [*orientation, *arguments]


def _run(ffmpeg: str, *arguments: str) -> None:
    argv = [ffmpeg, "-v", "error", "-y", *arguments]
    subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120)
