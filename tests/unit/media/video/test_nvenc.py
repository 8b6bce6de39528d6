"""Options of NVIDIA's encoders; that FFmpeg has them: test_hardware_options.py."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.encoder_options import encoder_options
from eddyline.media.ladder.encoders import ENCODERS
from eddyline.media.ladder.ladder import Rung

_GRID = Grid(gop=60, segment=120, fps=Fraction(30000, 1001))
_RUNG = Rung(
    name="360p",
    codec="h264",
    encoder="h264_nvenc",
    width=640,
    height=360,
    crf=23,
    preset="p5",
    maxrate_kbps=6000,
    bufsize_kbps=12000,
    pixel_format="yuv420p",
    level="4.0",
)
_NAMES = ("h264_nvenc", "hevc_nvenc", "av1_nvenc")


def _rung_of(name: str, **changes: Any) -> Rung:
    row = ENCODERS[name]
    level = "4.0" if row.codec == "h264" else None
    return replace(_RUNG, codec=row.codec, encoder=name, level=level, **changes)


def _value(options: tuple[str, ...], option: str) -> str:
    return options[options.index(option) + 1]


@pytest.mark.parametrize("name", _NAMES)
def test_keyframes_are_idr_pictures_at_a_fixed_interval(name: str) -> None:
    options = encoder_options(_rung_of(name), _GRID, 120, threads=1)
    assert _value(options, "-g") == "60"
    assert (_value(options, "-no-scenecut"), _value(options, "-forced-idr")) == ("1", "1")
    assert _value(options, "-b_ref_mode") == "disabled"


@pytest.mark.parametrize("name", _NAMES)
def test_the_quality_is_constant_below_the_capped_rate(name: str) -> None:
    options = encoder_options(_rung_of(name), _GRID, 120, threads=1)
    assert (_value(options, "-rc"), _value(options, "-cq"), _value(options, "-b:v")) == ("vbr", "23", "0")
    # Half of 12,000 kbit may be used at the start of a chunk, and is repaid within 4.004 s.
    assert (_value(options, "-maxrate"), _value(options, "-bufsize")) == ("4501k", "6000k")
    assert "-crf" not in options


@pytest.mark.parametrize("name", _NAMES)
def test_chunks_of_any_length_get_the_same_parameter_sets(name: str) -> None:
    rung = _rung_of(name)
    assert encoder_options(rung, _GRID, 120, threads=1) == encoder_options(rung, _GRID, 7, threads=8)


def test_rungs_of_10_bits_are_encoded_from_p010_in_main_10() -> None:
    options = encoder_options(_rung_of("hevc_nvenc", pixel_format="yuv420p10le"), _GRID, 120, threads=1)
    assert (_value(options, "-pix_fmt"), _value(options, "-profile:v")) == ("p010le", "main10")
    assert _value(options, "-tag:v") == "hvc1"


def test_frames_are_not_split_across_the_encoders_of_the_gpu() -> None:
    for name in ("hevc_nvenc", "av1_nvenc"):
        options = encoder_options(_rung_of(name), _GRID, 120, threads=1)
        assert _value(options, "-split_encode_mode") == "disabled"


def test_encoding_on_a_gpu_has_a_low_cpu_cost() -> None:
    assert estimate_cpu_s(100, [_RUNG]) < estimate_cpu_s(
        100, [replace(_RUNG, encoder="libx264", preset="superfast")]
    )
