"""Tone mapping of PQ and HLG to BT.709 with FFmpeg's filters.

    signal -> RGB in linear light of the display, 1 = reference white -> BT.709 primaries
           -> one curve for the largest of R, G and B, which scales all three -> BT.709

HLG's OOTF (ITU-R BT.2100 table 5) scales a pixel by a power of its luminance. By default the zscale filter
instead raises each channel to that power, which is wrong for colors by up to 28 luma codes; its exact
implementation (`agamma=0`) takes twice the time of the whole tone mapping. Here a 3D lookup table corrects
the signal so that the default gives the exact result (docs/explanation/hdr.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eddyline.media.source.source import VideoFacts
from eddyline.media.video.colours import ZSCALE_MATRICES, zscale_input

REFERENCE_WHITE: Final = 203
"""Reference white of HDR in cd/m2 (ITU-R BT.2408)."""
PEAK: Final = 1000
"""The usual peak of consumer HDR in cd/m2, and that of an HLG reference display."""
HLG_OOTF: Final = Path(__file__).with_name("hlg_ootf.cube")
"""The lookup table: PQ-coded BT.2020 RGB with each channel raised to 1.2 -> with the OOTF of BT.2100."""
HLG: Final = "arib-std-b67"
# The peak is set explicitly, because the filter otherwise takes it from the frame. An 18 % grey card has luma
# 109 and reference white 211, close to BT.2408.
CURVE: Final = f"tonemap=mobius:param=0.5:desat=0:peak={PEAK / REFERENCE_WHITE:.3f}"


def tonemap_filters(facts: VideoFacts, scale: str, output: str) -> tuple[str, ...]:
    """Filters from a decoded HDR frame to BT.709.

    `scale` are zscale's options for size and scaler: scaling first is faster. `output` are those for matrix,
    range and chroma location of the result.
    """
    return (*_to_linear(facts, scale), "format=gbrpf32le", CURVE, f"zscale=t=bt709:{output}")


def _to_linear(facts: VideoFacts, scale: str) -> tuple[str, ...]:
    source, linear = zscale_input(facts), f"t=linear:p=bt709:npl={REFERENCE_WHITE}"
    if facts.transfer != HLG:
        return (f"zscale={scale}:{source}:{linear}",)
    if facts.matrix in ZSCALE_MATRICES:  # their conversion to RGB needs linear light itself
        return (f"zscale={scale}:{source}:{linear}:agamma=0",)
    coded = f"t=smpte2084:p=bt2020:m=gbr:r=full:npl={REFERENCE_WHITE}"
    return (
        f"zscale={scale}:{source}:{coded}",
        "format=gbrpf32le",
        f"lut3d={filter_path(HLG_OOTF)}",
        f"zscale=tin=smpte2084:pin=bt2020:min=gbr:rin=full:{linear}",
    )


def filter_path(path: Path) -> str:
    """A path as the value of an option in a filter graph: escaped for the option, then for the graph."""
    value = "".join(f"\\{each}" if each in "\\':" else each for each in str(path))
    return "".join(f"\\{each}" if each in "\\'[],;" else each for each in value)
