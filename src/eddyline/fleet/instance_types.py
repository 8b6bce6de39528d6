"""What the name of an EC2 instance type says: its family, its processor architecture, its NVENC encoders.

Naming: https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html. NVENC encoders by GPU:
NVIDIA's Video Encode and Decode GPU Support Matrix.
"""

from __future__ import annotations

import re
from typing import Literal

Architecture = Literal["x86_64", "arm64"]

TYPE_PATTERN = r"^[a-z][a-z0-9-]{0,19}\.[a-z0-9-]{1,20}$"
_FAMILY = re.compile(r"[a-z]+(?:-[0-9a-z]+?)?\d+([a-z]*)")
_MACS_WITH_ARM = ("mac2", "mac-m")

_H264 = frozenset({"h264_nvenc"})
_H264_HEVC = frozenset({"h264_nvenc", "hevc_nvenc"})
_ALL = frozenset({"h264_nvenc", "hevc_nvenc", "av1_nvenc"})
_NONE: frozenset[str] = frozenset()
# AV1 came with the Ada generation (L4, L40S). A100, H100, H200 and B200 have no video encoder at all.
_NVENC = {
    "g2": _H264,  # K520
    "p2": _H264,  # K80
    "g3": _H264_HEVC,  # M60
    "g3s": _H264_HEVC,
    "p3": _H264_HEVC,  # V100
    "p3dn": _H264_HEVC,
    "g4dn": _H264_HEVC,  # T4
    "g5": _H264_HEVC,  # A10G
    "g5g": _H264_HEVC,  # T4G
    "g6": _ALL,  # L4
    "g6f": _ALL,
    "gr6": _ALL,
    "gr6f": _ALL,
    "g6e": _ALL,  # L40S
    "g7e": _ALL,  # RTX PRO 6000
    "g4ad": _NONE,  # AMD
    "p4d": _NONE,  # A100
    "p4de": _NONE,
    "p5": _NONE,  # H100
    "p5e": _NONE,  # H200
    "p5en": _NONE,
    "p6-b200": _NONE,
    "p6-b300": _NONE,
}


def family(instance_type: str) -> str:
    """The family of a type: `c7gn` of `c7gn.16xlarge`."""
    return instance_type.partition(".")[0]


def architecture(instance_type: str) -> Architecture | None:
    """The architecture, from the family's name: a `g` after the generation is Graviton; None if unknown."""
    name = family(instance_type)
    if name == "a1" or name.startswith(_MACS_WITH_ARM):
        return "arm64"
    found = _FAMILY.match(name)
    if found is None:
        return None
    return "arm64" if "g" in found[1] else "x86_64"


def nvenc_encoders(instance_type: str) -> frozenset[str] | None:
    """The NVENC encoders of the type's GPU; empty without one; None if the family is unknown.

    Families of the letters g and p have GPUs. Of such a family that is not in the table, nothing is known.
    """
    name = family(instance_type)
    if name in _NVENC:
        return _NVENC[name]
    return None if name.startswith(("g", "p")) else _NONE
