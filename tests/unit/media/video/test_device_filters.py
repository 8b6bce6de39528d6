"""What is decoded and scaled on a GPU depends on the source and the rungs only; the rest is the CPU's."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.unit.media.rungs import RUNG_1080
from tests.unit.media.video.ffmpeg_options import wrong_filters

from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.device_filters import (
    device_arguments,
    device_filter_graph,
    is_decoded_on_device,
    upload_chains,
)
from eddyline.media.video.encode import encode_command
from eddyline.mp4.slice import Slice

_GRID = Grid(gop=60, segment=120, fps=Fraction(60000, 1001))
_FACTS = VideoFacts(
    codec="hevc",
    width=1920,
    height=1080,
    fps=_GRID.fps,
    frames=300,
    pixel_format="yuv420p",
    timescale=60000,
)
_PIECE = Slice(
    path=Path("/work/slice.mp4"),
    start_pts=3003,
    end_pts=183183,
    frames=180,
    timescale=60000,
    samples=190,
    bytes_read=0,
)
_TOOLS = Toolchain(
    ffmpeg=Path("/bin/ffmpeg"),
    ffprobe=Path("/bin/ffprobe"),
    packager=Path("/bin/packager"),
    ffmpeg_version="9",
    packager_version="3",
    ffmpeg_sha256="",
    encoders=frozenset(),
    identity="",
)


def _rung(name: str, width: int, height: int, encoder: str = "hevc_nvenc", **changes: Any) -> Rung:
    row = replace(RUNG_1080, name=name, codec="hevc", encoder=encoder, width=width, height=height)
    return replace(row, preset="p5" if "nvenc" in encoder else "medium", level=None, **changes)


_RUNGS = (
    _rung("1080p", 1920, 1080),
    _rung("720p", 1280, 720),
    _rung("360p", 640, 360, frame_step=2),
)


def test_frames_are_chosen_and_scaled_on_the_device() -> None:
    graph = device_filter_graph(_PIECE, _FACTS, _RUNGS, _GRID)
    assert graph is not None
    scale = "interp_algo=bicubic:format=nv12:passthrough=0,setsar=1"
    assert graph.split(";") == [
        "[0:v:0]trim=start_pts=3003:end_pts=183183,settb=1001/60000,setpts=N,split=2[g0][g1]",
        f"[g0]scale_cuda=w=1920:h=1080:{scale},split=2[v0][smaller0]",
        f"[smaller0]scale_cuda=w=1280:h=720:{scale}[v1]",
        f"[g1]select=not(mod(n\\,2)),settb=1001/30000,setpts=N,scale_cuda=w=640:h=360:{scale}[v2]",
    ]


def test_the_decoder_the_filters_and_the_encoders_share_the_device() -> None:
    outs = [Path(f"/work/{rung.name}.mp4") for rung in _RUNGS]
    argv = encode_command(_PIECE, _FACTS, _RUNGS, _GRID, _TOOLS, outs)
    hwaccel = argv.index("-hwaccel")
    assert argv[hwaccel : hwaccel + 4] == ("-hwaccel", "cuda", "-hwaccel_output_format", "cuda")
    assert hwaccel < argv.index("-i") < argv.index("-filter_complex")
    assert [argv[place + 1] for place, each in enumerate(argv) if each == "-pix_fmt"] == ["cuda"] * 3
    assert "hwdownload" not in " ".join(argv)


def test_interlaced_video_is_deinterlaced_on_the_device() -> None:
    graph = device_filter_graph(_PIECE, replace(_FACTS, interlaced=True), _RUNGS, _GRID)
    assert graph is not None
    assert "end_pts=183183,bwdif_cuda=mode=send_frame:parity=auto:deint=interlaced,settb=" in graph


@pytest.mark.parametrize(
    "changes",
    [
        {"codec": "av1"},  # not on Turing
        {"codec": "prores", "pixel_format": "yuv422p10le"},
        {"codec": "h264", "pixel_format": "yuv420p10le"},
        {"pixel_format": "yuv422p"},
        {"pixel_format": "yuv420p10le"},  # to 8 bits
        {"pixel_format": "yuvj420p"},
        {"rotation": 90},
        {"mirrored": True},
        {"full_range": True},
        {"transfer": "smpte2084"},
        {"matrix": "ycgco"},
        {"variable_rate": True},
        {"width": 1921},
        {"height": 8194},
        {"width": 64, "height": 64},
    ],
)
def test_other_sources_are_decoded_and_scaled_by_the_cpu(changes: dict[str, Any]) -> None:
    facts = replace(_FACTS, **changes)
    assert device_filter_graph(_PIECE, facts, _RUNGS, _GRID) is None
    outs = [Path(f"/work/{rung.name}.mp4") for rung in _RUNGS]
    argv = encode_command(_PIECE, facts, _RUNGS, _GRID, _TOOLS, outs)
    assert "-hwaccel" not in argv
    assert "scale_cuda" not in " ".join(argv)


def test_sources_of_ten_bits_stay_on_the_device_for_rungs_of_ten_bits() -> None:
    rungs = tuple(replace(rung, pixel_format="yuv420p10le") for rung in _RUNGS)
    facts = replace(_FACTS, pixel_format="yuv420p10le", bit_depth=10)
    graph = device_filter_graph(_PIECE, facts, rungs, _GRID)
    assert graph is not None
    assert graph.count("format=p010le") == 3


def test_a_rung_of_a_software_encoder_keeps_the_family_on_the_cpu() -> None:
    assert is_decoded_on_device(_FACTS, _RUNGS)
    assert not is_decoded_on_device(_FACTS, (*_RUNGS, _rung("240p", 426, 240, "libx265")))
    assert not is_decoded_on_device(_FACTS, (_rung("1080p", 1920, 1080, "hevc_qsv"),))


def test_vaapi_gets_frames_that_the_filter_graph_uploads() -> None:
    rungs = (
        _rung("1080p", 1920, 1080, "hevc_vaapi"),
        _rung("720p", 1280, 720, "hevc_vaapi", pixel_format="yuv420p10le"),
    )
    argv = encode_command(_PIECE, _FACTS, rungs, _GRID, _TOOLS, [Path("/work/a"), Path("/work/b")])
    assert device_arguments(rungs) == ("-init_hw_device", "vaapi=gpu", "-filter_hw_device", "gpu")
    assert argv.index("-init_hw_device") < argv.index("-i")
    assert upload_chains(rungs) == ";[v0]format=nv12,hwupload[d0];[v1]format=p010le,hwupload[d1]"
    assert argv[argv.index("-filter_complex") + 1].endswith(upload_chains(rungs))
    assert [argv[place + 1] for place, each in enumerate(argv) if each == "-map"] == ["[d0]", "[d1]"]
    assert device_arguments(_RUNGS) == ()


def test_the_build_has_every_filter_and_option(ffmpeg: str) -> None:
    graph = device_filter_graph(_PIECE, replace(_FACTS, interlaced=True, projection="x"), _RUNGS, _GRID)
    assert graph is not None
    chains = re.sub(r"\[\w+(:\w+)*\]", "", graph).split(";")
    steps = [step for chain in chains for step in re.split(r"(?<!\\),", chain)]
    known = ("trim", "setpts", "settb", "split", "setsar", "scale_cuda", "bwdif_cuda", "sidedata", "select")
    assert {step.partition("=")[0] for step in steps} == set(known)
    assert wrong_filters(ffmpeg, [*steps, "hwupload"]) == []
    assert wrong_filters(ffmpeg, ["scale_cuda=interp_algo=best", "scale_cudb"]) == [
        "scale_cuda: interp_algo=best",
        "scale_cudb",
    ]
