"""Correct renditions of ordinary sources pass, also if frames are indistinguishable or quality is low."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit.media.frame_verification.encode_chain import EncodeChain

from eddyline.media.toolchain import Toolchain

Make = Callable[..., Path]
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "25", "-bf", "2")
_X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=25")
_PQ = ("-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc")
_HLG = ("-vf", "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc")
_LAVFI = ("-f", "lavfi", "-i")
_TEST = (*_LAVFI, "testsrc2=s=320x180:r=25:d=2")


@dataclass(frozen=True)
class Clip:
    """FFmpeg's arguments for a source, where it is cut, and how its rendition is encoded."""

    argv: tuple[str, ...]
    name: str = "a.mp4"
    cut_s: str = ""
    chain: dict[str, Any] = field(default_factory=dict)


def _lavfi(source: str, *argv: str, **chain: Any) -> Clip:
    return Clip((*_LAVFI, source, *argv, *_X264), chain=chain)


CLIPS = {
    "noise": _lavfi("nullsrc=s=320x180:r=25:d=2,geq=random(1)*255:128:128"),
    "coloured noise": _lavfi("color=gray:s=640x360:r=25:d=2,noise=alls=100:allf=t+u", crf=35, kbps=800),
    "a scene in noise": _lavfi("testsrc2=s=320x180:r=25:d=2,noise=alls=40:allf=t", crf=35, kbps=120),
    "a static scene in noise": _lavfi("smptebars=s=320x180:r=25:d=2,noise=alls=30:allf=t", crf=40, kbps=60),
    "fade from black": _lavfi("testsrc2=s=320x180:r=25:d=2,fade=in:0:40"),
    "slow fade at a low bit rate": _lavfi("smptebars=s=320x180:r=25:d=2,fade=in:0:50", crf=45, kbps=50),
    "static slides": _lavfi("testsrc=s=320x180:r=1:d=2,fps=25"),
    "one still": _lavfi("color=c=0x336699:s=320x180:r=25:d=2"),
    "black": _lavfi("color=c=black:s=320x180:r=25:d=2"),
    "dark scene": _lavfi("testsrc2=s=320x180:r=25:d=2,lutyuv=y=16+(val-16)/12", crf=30),
    "flashes": _lavfi("testsrc2=s=320x180:r=25:d=2,geq=lum='if(mod(N,5),lum(X,Y),235)'"),
    "alternating frames": _lavfi("testsrc2=s=320x180:r=25:d=2,geq=lum='if(mod(N,2),lum(X,Y),235-lum(X,Y))'"),
    "2 frames a second": _lavfi("testsrc2=s=320x180:r=2:d=15"),
    "every frame a keyframe, joins everywhere": _lavfi("testsrc2=s=320x180:r=25:d=2", gop=1),
    "120 frames a second": _lavfi("testsrc2=s=320x180:r=120:d=1"),
    "variable rate": _lavfi(
        "testsrc2=s=320x180:r=25:d=3", "-vf", "select='not(mod(n*n,7))'", "-fps_mode", "vfr"
    ),
    # With less, the rate buffer is empty at the end of some chunks, and x264 codes their last frame without
    # any detail (13 dB), which is a mismatch.
    "very low bit rate": _lavfi("testsrc2=s=320x180:r=25:d=3", crf=51, kbps=60, gop=12),
    "very low bit rate, moving": _lavfi("mandelbrot=s=320x180:r=25,trim=end=3", crf=51, kbps=30),
    "symmetric": _lavfi("color=gray:s=320x180:r=25:d=2,drawbox=120:50:80:80:white:fill"),
    "interlaced": _lavfi(
        "testsrc2=s=320x180:r=50:d=2,interlace", "-flags", "+ilme+ildct", "-x264-params", "tff=1"
    ),
    "anamorphic": _lavfi("testsrc2=s=240x180:r=25:d=2,setsar=4/3"),
    "odd size": _lavfi("testsrc2=s=318x182:r=25:d=2,crop=317:181,format=yuv444p"),
    "tall": _lavfi("testsrc2=s=90x320:r=25:d=2"),
    "smaller rung": _lavfi("testsrc2=s=640x360:r=25:d=2", lines=120),
    "one frame": _lavfi("testsrc2=s=320x180:r=25:d=0.04"),
    "two frames": _lavfi("testsrc2=s=320x180:r=25:d=0.08"),
    "full range": _lavfi("testsrc2=s=320x180:r=25:d=2", "-vf", "scale=out_range=full,format=yuvj420p"),
    "tagged BT.709": _lavfi("testsrc2=s=320x180:r=25:d=2", "-colorspace", "bt709"),
    "edit list between frames": Clip((*_TEST, *_X264), cut_s="0.53"),
    "edit list just before a frame": Clip((*_TEST, *_X264), cut_s="0.11"),
    "video that starts late": Clip(("-itsoffset", "1.013", *_TEST, *_LAVFI, "sine=997:d=3", *_X264)),
    "fragmented": Clip((*_TEST, *_X264, "-movflags", "frag_keyframe+empty_moov")),
    "field pictures": Clip(
        (*_TEST, "-c:v", "mpeg2video", "-q:v", "3", "-flags", "+ilme+ildct"), name="a.mov"
    ),
    "H.264 with open GOPs": Clip(
        (*_TEST, "-c:v", "libx264", "-x264-params", "keyint=10:min-keyint=10:bframes=3:open-gop=1:scenecut=0")
    ),
    "one keyframe": Clip((*_TEST, "-c:v", "libx264", "-g", "999", "-x264-params", "scenecut=0")),
    "intra refresh": Clip((*_TEST, "-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=20:bframes=0")),
    "RGB": Clip((*_TEST, "-c:v", "libx264rgb", "-crf", "10", "-pix_fmt", "rgb24")),
    "grey": Clip((*_TEST, "-pix_fmt", "gray", *_X264)),
    "transparent": Clip(
        (*_TEST, "-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"), name="a.mov"
    ),
    "a clock that wraps": Clip((*_TEST, *_X264, "-output_ts_offset", "95441.8"), name="a.ts"),
    "Matroska that starts late": Clip((*_TEST, *_X264, "-output_ts_offset", "7.3"), name="a.mkv"),
    "FLV": Clip((*_TEST, *_X264), name="a.flv"),
    "MXF": Clip((*_TEST, "-c:v", "mpeg2video", "-q:v", "3", "-bf", "2"), name="a.mxf"),
    "HEVC with open GOPs": Clip((*_TEST, *_X265)),
    "ProRes": Clip((*_TEST, "-c:v", "prores"), name="a.mov"),
    "Matroska": Clip((*_TEST, *_X264), name="a.mkv"),
    "transport stream": Clip((*_TEST, *_X264), name="a.ts"),
    "AVI": Clip((*_TEST, "-c:v", "mpeg4", "-q:v", "3", "-bf", "2"), name="a.avi"),
    "AVI whose clock ticks once a frame": Clip(
        (*_LAVFI, "testsrc2=s=320x180:r=24000/1001:d=2", "-c:v", "rawvideo", "-pix_fmt", "uyvy422"),
        name="a.avi",
    ),
    "AVI with dropped frames": Clip(
        (*_TEST, "-vf", "select='not(eq(mod(n,5),3))'", "-fps_mode", "passthrough", "-c:v", "mjpeg"),
        name="a.avi",
    ),
    "program stream": Clip((*_TEST, "-c:v", "mpeg2video", "-q:v", "3", "-bf", "2"), name="a.mpg"),
    "WebM": Clip((*_TEST, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-b:v", "1M"), name="a.webm"),
    "PQ, kept": Clip(
        (*_TEST, "-pix_fmt", "yuv420p10le", *_PQ, *_X265),
        chain={"keep_hdr": True, "codec": "hevc", "pixel_format": "yuv420p10le"},
    ),
    "PQ, tone-mapped": Clip((*_TEST, "-pix_fmt", "yuv420p10le", *_PQ, *_X265)),
    "HLG, tone-mapped": Clip((*_TEST, "-pix_fmt", "yuv420p10le", *_HLG, *_X265)),
    "10 bits": Clip((*_TEST, "-pix_fmt", "yuv420p10le", *_X265)),
}


@pytest.mark.parametrize("name", CLIPS)
def test_a_correct_rendition_passes(name: str, tmp_path: Path, tools: Toolchain) -> None:
    clip = CLIPS[name]
    source = tmp_path / clip.name
    subprocess.run(
        [tools.ffmpeg, "-v", "error", "-y", *clip.argv, str(source)], check=True, capture_output=True
    )
    if clip.cut_s:
        whole = source.rename(tmp_path / f"whole-{clip.name}")
        copied = ("-ss", clip.cut_s, "-i", str(whole), "-c", "copy", str(source))
        subprocess.run([tools.ffmpeg, "-v", "error", "-y", *copied], check=True, capture_output=True)
    chain = EncodeChain(tools=tools, work=tmp_path, **clip.chain)
    found = chain.verify(source)
    assert chain.hdr == (name[:3] in {"PQ,", "HLG"})
    assert found.compared >= 1
