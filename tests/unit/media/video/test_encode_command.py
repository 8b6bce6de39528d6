from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from tests.unit.media.rungs import RUNG_1080

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.encoder_options import encoder_options
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video import filters
from eddyline.media.video.encode import encode_command
from eddyline.media.video.hdr_metadata import SIDE_DATA_FILTERS
from eddyline.mp4.slice import Slice

_GRID = Grid(gop=60, segment=120, fps=Fraction(30000, 1001))
_FACTS = VideoFacts(
    codec="h264",
    width=1920,
    height=1080,
    fps=_GRID.fps,
    frames=300,
    pixel_format="yuv420p",
    timescale=90000,
)
_720 = replace(RUNG_1080, name="720p", width=1280, height=720)
_480 = replace(RUNG_1080, name="480p", width=854, height=480)
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


@pytest.fixture
def piece(tmp_path: Path) -> Slice:
    return Slice(
        path=tmp_path / "slice.mp4",
        start_pts=3003,
        end_pts=183183,
        frames=60,
        timescale=90000,
        samples=70,
        bytes_read=0,
    )


_SCALED = "flags=bicubic+accurate_rnd:in_chroma_loc=left:out_chroma_loc=left"


def test_each_rung_is_scaled_from_the_one_above(piece: Slice) -> None:
    assert filters.filter_graph(piece, _FACTS, (RUNG_1080, _720, _480), _GRID).split(";") == [
        "[0:v:0]trim=start_pts=3003:end_pts=183183,scale=1920:1080:flags=bicubic+accurate_rnd,settb=1001/30000,"
        + ",".join(["setpts=N", *SIDE_DATA_FILTERS])
        + "[g0]",
        "[g0]setparams=chroma_location=left,setsar=1,split=2[v0][smaller0]",
        f"[smaller0]scale=1280:720:{_SCALED},setsar=1,split=2[v1][smaller1]",
        f"[smaller1]scale=854:480:{_SCALED},setsar=1[v2]",
    ]


def test_a_variable_rate_keeps_the_sources_own_ticks(piece: Slice) -> None:
    graph = filters.filter_graph(piece, replace(_FACTS, variable_rate=True), (RUNG_1080,), _GRID)
    assert "settb=1/90000,setpts=PTS-3003" in graph


@pytest.mark.parametrize(
    ("rotation", "steps", "chroma"),
    [(90, "transpose=clock", "bottom"), (180, "hflip,vflip", "center"), (270, "transpose=cclock", "top")],
)
def test_frames_are_scaled_before_they_are_rotated(
    piece: Slice, rotation: int, steps: str, chroma: str
) -> None:
    facts = replace(_FACTS, rotation=rotation, pixel_format="yuv422p")
    upright = replace(RUNG_1080, width=1080, height=1920) if rotation != 180 else RUNG_1080
    scale, after = filters.filter_graph(piece, facts, (upright,), _GRID).split(f",{steps},")
    assert "zscale=1920:1080:" in scale
    assert f":c={chroma}:" in scale
    assert ("zscale" in after) == (chroma == "center")
    assert after.endswith("setparams=chroma_location=left,setsar=1[v0]")


def test_only_interlaced_video_is_deinterlaced(piece: Slice) -> None:
    assert "bwdif" not in filters.filter_graph(piece, _FACTS, (RUNG_1080,), _GRID)
    assert "bwdif=mode=send_frame" in filters.filter_graph(
        piece, replace(_FACTS, interlaced=True), (RUNG_1080,), _GRID
    )


def test_hdr_is_tone_mapped_once_for_all_rungs_of_eight_bits(piece: Slice) -> None:
    facts = replace(_FACTS, transfer="smpte2084", pixel_format="yuv420p10le")
    kept = replace(
        RUNG_1080, name="hdr", codec="hevc", encoder="libx265", pixel_format="yuv420p10le", keep_hdr=True
    )
    graph = filters.filter_graph(piece, facts, (RUNG_1080, _720, kept), _GRID)
    assert graph.count("tonemap=") == 1
    assert "[g1]setparams=chroma_location=left,setsar=1[v2]" in graph.split(";")


def test_encoder_options_have_the_grid_and_nothing_of_the_machine() -> None:
    av1 = replace(RUNG_1080, codec="av1", encoder="libsvtav1", preset="10")
    hevc = replace(RUNG_1080, codec="hevc", encoder="libx265")
    for rung, option in ((RUNG_1080, "stitchable=1"), (hevc, "open-gop=0"), (av1, "irefresh-type=2")):
        options = " ".join(encoder_options(rung, _GRID, 120, threads=1))
        assert "keyint=60" in options
        assert option in options
        assert "threads 1" in options


def test_a_chunk_repays_what_it_takes_from_the_buffer() -> None:
    options = encoder_options(RUNG_1080, _GRID, 120, threads=1)
    rate, buffer = (int(options[options.index(name) + 1].rstrip("k")) for name in ("-maxrate", "-bufsize"))
    assert "vbv-init=0.6250" in options[-1]
    # It starts with one half of 12,000 kbit, ends with 0.4, and repays the difference within 4.004 s.
    assert (rate, buffer) == (6000 - 300, 9600)
    # A short last chunk keeps enough bits; a longer chunk repays in smaller parts.
    assert encoder_options(RUNG_1080, _GRID, 1, threads=1) == options
    longer = encoder_options(RUNG_1080, _GRID, 240, threads=1)
    assert int(longer[longer.index("-maxrate") + 1].rstrip("k")) > rate


def test_the_first_chunk_has_all_of_the_players_buffer_and_leaves_one_half() -> None:
    options = encoder_options(RUNG_1080, _GRID, 120, threads=1, is_first=True)
    assert "vbv-init=0.9000" in options[-1]
    assert options[options.index("-maxrate") + 1] == "6000k"
    assert options[options.index("-bufsize") + 1] == "12000k"
    # Without a lookahead a quarter is withheld: 0.65 of the player's buffer may be spent.
    fast = encoder_options(replace(RUNG_1080, preset="superfast"), _GRID, 120, threads=1, is_first=True)
    assert "vbv-init=0.8667" in fast[-1]
    assert fast[fast.index("-maxrate") + 1] == "6000k"
    assert fast[fast.index("-bufsize") + 1] == "9000k"


def test_the_fastest_presets_do_not_underflow_the_buffer() -> None:
    options = encoder_options(replace(RUNG_1080, preset="superfast"), _GRID, 120, threads=1)
    assert "vbv-init=0.3333" in options[-1]
    assert options[options.index("-bufsize") + 1] == "9000k"


def test_the_rate_cap_of_hevc_is_the_same_for_chunks_of_any_length() -> None:
    hevc = replace(RUNG_1080, codec="hevc", encoder="libx265")
    assert encoder_options(hevc, _GRID, 120, threads=1) == encoder_options(hevc, _GRID, 240, threads=1)


def test_an_unknown_encoder_is_rejected_by_name() -> None:
    with pytest.raises(UnsupportedError, match="h264_amf"):
        encoder_options(replace(RUNG_1080, encoder="h264_amf"), _GRID, 120, threads=1)


def test_the_command_has_no_network_access_and_one_output_per_rung(piece: Slice) -> None:
    outs = [Path("/w/a.mp4"), Path("/w/b.mp4")]
    argv = encode_command(piece, _FACTS, (RUNG_1080, _720), _GRID, _TOOLS, outs)
    assert argv[argv.index("-protocol_whitelist") + 1] == "file,pipe"
    assert [argv[index + 1] for index, argument in enumerate(argv) if argument == "-map"] == ["[v0]", "[v1]"]
    assert [argument for argument in argv if argument.startswith("file:/w/")] == [
        "file:/w/a.mp4",
        "file:/w/b.mp4",
    ]
    assert argv.count("-fps_mode") == 2


def test_the_number_of_outputs_must_match_the_rungs(piece: Slice) -> None:
    with pytest.raises(ValueError, match="shorter"):
        encode_command(piece, _FACTS, (RUNG_1080, _720), _GRID, _TOOLS, [Path("/w/a.mp4")])
