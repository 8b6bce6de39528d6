"""Which CRFs and rungs were chosen for an asset, in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def selection_rows(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows for the details of a run; none if the profile fixes the CRFs."""
    smart = manifest.get("smart")
    if not smart:
        return []
    crfs = [_crf(each["name"], each["crf"]) for each in manifest["renditions"] if "crf" in each]
    rows = [(f"CRF for VMAF {smart['target_vmaf']:g}", "; ".join(crfs))]
    if smart["dropped"]:
        dropped = [f"{each['name']}, because {each['reason']}" for each in smart["dropped"]]
        rows.append(("Rungs left out", "; ".join(dropped)))
    return rows


def _crf(name: str, crf: Mapping[str, Any]) -> str:
    if "fixed" in crf:
        return f"{name}: {crf['mean']:g}, fixed ({crf['fixed']})"
    low, high = crf["min"], crf["max"]
    values = f"{low:g}" if low == high else f"{crf['mean']:g}, from {low:g} to {high:g}"
    vmaf = crf["expected"]["vmaf"]
    return f"{name}: {values} (expected VMAF {vmaf['mean']:.1f}, 5 % of frames below {vmaf['p5']:.1f})"
