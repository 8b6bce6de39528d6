"""Deliberate faults of the pipeline are detected by the frame samples."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from tests.unit.media.frame_verification.encode_chain import EncodeChain, Faults

from eddyline.core.errors import ProofError
from eddyline.media.frame_verification.comparison import FrameMismatchError
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.presentation import Presentation

Make = Callable[..., Path]
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "25", "-bf", "2")
# Asymmetric, colourful and moving.
_MOVING = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2")
_709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")

_TAGGED = "setparams=colorspace=bt709:range=limited"


@pytest.fixture
def make(tmp_path: Path, tools: Toolchain) -> Make:
    def run_ffmpeg(name: str, *argv: str) -> Path:
        out = tmp_path / name
        subprocess.run([tools.ffmpeg, "-v", "error", "-y", *argv, str(out)], check=True, capture_output=True)
        return out

    return run_ffmpeg


@pytest.fixture
def chain(tmp_path: Path, tools: Toolchain) -> EncodeChain:
    return EncodeChain(tools=tools, work=tmp_path)


def _filtered(steps: str) -> Callable[[str], str]:
    return lambda graph: graph.replace("setsar=1", f"{steps},setsar=1")


def _shorter(shown: Presentation) -> Presentation:
    return replace(shown, sample=shown.sample[:-1], pts=shown.pts[:-1], end=int(shown.pts[-1]))


def test_the_unchanged_pipeline_passes(make: Make, chain: EncodeChain) -> None:
    found = chain.verify(make("a.mp4", *_MOVING, *_X264))
    assert found.compared >= 10
    assert found.worst_psnr_db > 30


@pytest.mark.parametrize(
    ("steps", "description"),
    [
        ("hflip", "mirrored left to right"),
        ("vflip", "flipped upside down"),
        ("hflip,vflip", "rotated by 180 degrees"),
        ("crop=iw*3/4:ih,scale=320:180", "stretched and cropped left and right"),
        ("scale=320:136,pad=320:180:0:22", "squeezed between bars at top and bottom"),
        ("scale=in_color_matrix=bt601:out_color_matrix=bt709", "decoded as BT.601"),
        (f"scale=in_color_matrix=bt709:out_color_matrix=bt601,{_TAGGED}", "decoded as BT.709"),
        ("setparams=colorspace=smpte170m", "decoded as BT.601"),
        ("scale=in_range=full:out_range=limited", "limited range decoded as full range"),
        (f"scale=in_range=limited:out_range=full,{_TAGGED}", "full range decoded as limited range"),
        ("swapuv", "Cb and Cr swapped"),
        ("hue=s=0", "wrong colors: greyscale"),
        ("eq=brightness=0.1", "off in color"),
    ],
)
def test_a_wrong_filter_is_described_by_its_effect(
    make: Make, chain: EncodeChain, steps: str, description: str
) -> None:
    source = make("a.mp4", *_MOVING, *_709, *_X264)
    with pytest.raises(FrameMismatchError) as caught:
        chain.verify(source, Faults(graph=_filtered(steps)))
    assert description in caught.value.message
    assert caught.value.message.startswith("rung: frame ")
    assert caught.value.mismatch.source.shape == caught.value.mismatch.rendition.shape


@pytest.mark.parametrize(("actual", "assumed"), [(90, 270), (90, 0), (0, 90), (180, 0), (0, 180)])
def test_a_wrong_rotation_is_detected(make: Make, chain: EncodeChain, actual: int, assumed: int) -> None:
    plain = make("plain.mp4", *_MOVING, *_X264)
    source = make("a.mp4", "-display_rotation", str(-actual), "-i", str(plain), "-c", "copy")
    with pytest.raises(ProofError, match=r"rotated|aspect ratio"):
        chain.verify(source, Faults(facts=lambda facts: replace(facts, rotation=assumed)))


def test_an_ignored_sample_aspect_ratio_is_detected(make: Make, chain: EncodeChain) -> None:
    source = make("a.mp4", *_MOVING, "-vf", "setsar=4/3", *_X264)
    with pytest.raises(ProofError, match="wrong display aspect ratio"):
        chain.verify(source, Faults(facts=lambda facts: replace(facts, pixel_aspect=Fraction(1))))


@pytest.mark.parametrize("by", [1, -1, 2])
def test_a_chunk_that_is_off_by_a_frame_is_detected(make: Make, chain: EncodeChain, by: int) -> None:
    source = make("a.mp4", *_MOVING, *_X264)
    with pytest.raises(FrameMismatchError, match=r"the frame (before|after)|the source's frame"):
        chain.verify(source, Faults(shift=(0, by, 0, 0, 0)))


def test_swapped_chunks_are_detected(make: Make, chain: EncodeChain) -> None:
    source = make("a.mp4", *_MOVING, *_X264)
    with pytest.raises(FrameMismatchError):
        chain.verify(source, Faults(order=(0, 2, 1, 3, 4)))


def test_a_dropped_last_frame_is_detected(make: Make, chain: EncodeChain) -> None:
    source = make("a.mp4", *_MOVING, *_X264)
    with pytest.raises(ProofError, match=r"shows a frame at 1\.960 s that is not in the rendition"):
        chain.verify(source, Faults(shown=_shorter))


_PQ = ("-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc,format=yuv420p10le")
_X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")


@pytest.mark.parametrize(
    ("faults", "description"),
    [
        (Faults(graph=_filtered("hflip")), "mirrored left to right"),
        (Faults(graph=_filtered("vflip")), "flipped upside down"),
        (Faults(shift=(0, 1, 0, 0, 0)), "the frame after it"),
        (Faults(graph=_filtered("eq=gamma=0.6")), "off in color|wrong colors"),
        # Washed out: the values of PQ as if they were BT.709.
        (
            Faults(graph=lambda graph: re.sub(r"zscale=.*zscale=t=bt709[^,]*", "scale", graph)),
            "off in color",
        ),
    ],
)
def test_a_tone_mapped_rendition_is_compared_like_any_other(
    make: Make, chain: EncodeChain, faults: Faults, description: str
) -> None:
    source = make("a.mp4", *_MOVING, *_PQ, *_X265)
    with pytest.raises(FrameMismatchError, match=description):
        chain.verify(source, faults)
    assert chain.hdr


def test_a_wrong_matrix_is_detected_in_muted_colours(make: Make, chain: EncodeChain) -> None:
    muted = ("-vf", "hue=s=0.35,gblur=8", *_709)
    source = make("a.mp4", *_MOVING, *muted, *_X264)
    wrong = f"scale=in_color_matrix=bt601:out_color_matrix=bt709,{_TAGGED}"
    with pytest.raises(FrameMismatchError, match="wrong colors"):
        chain.verify(source, Faults(graph=_filtered(wrong)))
