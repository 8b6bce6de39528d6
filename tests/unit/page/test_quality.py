"""The quality of a rendition in a few words; manifests of earlier releases have none."""

from __future__ import annotations

import pytest
from tests.unit.page.test_render import MANIFEST

from eddyline.page.quality import quality_text
from eddyline.page.sections import rendition_rows

MEASURED = {
    "method": "sampled",
    "frames": 14,
    "width": 1920,
    "height": 1080,
    "metrics": {
        "vmaf": {
            "model": "vmaf_v0.6.1",
            "mean": 95.27,
            "p5": 92.1,
            "p1": 91.2,
            "min": 91.0,
            "standard_error": 0.48,
        },
        "psnr": {"mean": 41.26, "p5": 40.0, "p1": 39.0, "min": 39.0},
        "ssim": {"mean": 0.9871, "p5": 0.98, "p1": 0.97, "min": 0.97},
    },
}


def test_the_mean_is_shown_and_the_rest_explained() -> None:
    found = quality_text({"quality": MEASURED})
    assert found.vmaf == "95.3"
    assert found.explanation == (
        "VMAF 0.6.1: mean 95.3 (standard error 0.5), p5 92.1, lowest 91.0; PSNR 41.3 dB; SSIM 0.9871;"
        " from 14 frames at 1920x1080"
    )


@pytest.mark.parametrize(
    ("rendition", "explanation"),
    [
        ({}, ""),
        ({"quality": None}, ""),
        ({"quality": {"not_measured": "HDR: <b>"}}, "not measured: HDR: <b>"),
        ({"quality": {"method": "sampled", "metrics": {}}}, ""),
    ],
)
def test_what_is_not_measured_has_a_dash(rendition: dict[str, object], explanation: str) -> None:
    found = quality_text(rendition)
    assert (found.vmaf, found.explanation) == ("–", explanation)  # noqa: RUF001 - a dash


def test_the_page_has_a_column_for_it() -> None:
    first = {**MANIFEST["renditions"][0], "quality": MEASURED}
    second = {**MANIFEST["renditions"][1], "quality": {"not_measured": 'HDR "<b>'}}
    html = rendition_rows({**MANIFEST, "renditions": [first, second]})
    assert ">95.3</span>" in html
    assert 'title="not measured: HDR &quot;&lt;b&gt;"' in html or "&#34;&lt;b&gt;" in html
    assert "<b>" not in html
