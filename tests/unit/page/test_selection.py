"""The page says which CRFs were chosen, and which rungs were left out."""

from __future__ import annotations

from typing import Any

from eddyline.page.selection import selection_rows

EXPECTED = {"probes": 3, "vmaf": {"mean": 93.04, "p5": 90.0}}


def test_an_asset_with_fixed_crfs_has_no_rows() -> None:
    assert selection_rows({"renditions": [{"name": "720p"}]}) == []


def test_the_crfs_of_each_rendition_and_the_rungs_left_out_are_named() -> None:
    manifest: dict[str, Any] = {
        "smart": {"target_vmaf": 93.0, "dropped": [{"name": "480p", "reason": "it is close"}]},
        "renditions": [
            {"name": "720p", "crf": {"min": 22, "mean": 23.25, "max": 25.5, "expected": EXPECTED}},
            {"name": "360p", "crf": {"min": 24.0, "mean": 24.0, "max": 24.0, "expected": EXPECTED}},
            {"name": "720p-hdr", "crf": {"min": 20, "mean": 20, "max": 20, "fixed": "HDR"}},
        ],
    }
    expected = "(expected VMAF 93.0, 5 % of frames below 90.0)"
    assert selection_rows(manifest) == [
        (
            "CRF for VMAF 93",
            f"720p: 23.25, from 22 to 25.5 {expected}; 360p: 24 {expected}; 720p-hdr: 20, fixed (HDR)",
        ),
        ("Rungs left out", "480p, because it is close"),
    ]
