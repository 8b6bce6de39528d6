"""The quality of renditions in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eddyline.core.formatting import format_count

_ABSENT: Final = "–"  # noqa: RUF001 - a dash


@dataclass(frozen=True, kw_only=True)
class QualityText:
    """The mean VMAF ("95.3"), or a dash, and an explanation for a tooltip ("" if there is nothing to say)."""

    vmaf: str
    explanation: str = ""


def quality_text(rendition: Mapping[str, Any]) -> QualityText:
    """The quality of a rendition of the manifest; manifests of earlier releases have none."""
    quality = rendition.get("quality") or {}
    if "not_measured" in quality:
        return QualityText(vmaf=_ABSENT, explanation=f"not measured: {quality['not_measured']}")
    metrics = quality.get("metrics") or {}
    vmaf = metrics.get("vmaf")
    if vmaf is None:
        return QualityText(vmaf=_ABSENT)
    error = f" (standard error {vmaf['standard_error']:.1f})" if "standard_error" in vmaf else ""
    parts = [
        f"VMAF 0.6.1: mean {vmaf['mean']:.1f}{error}, p5 {vmaf['p5']:.1f}, lowest {vmaf['min']:.1f}",
        *([f"PSNR {metrics['psnr']['mean']:.1f} dB"] if "psnr" in metrics else []),
        *([f"SSIM {metrics['ssim']['mean']:.4f}"] if "ssim" in metrics else []),
        f"from {format_count(quality['frames'], 'frame')} at {quality['width']}x{quality['height']}",
    ]
    return QualityText(vmaf=f"{vmaf['mean']:.1f}", explanation="; ".join(parts))
