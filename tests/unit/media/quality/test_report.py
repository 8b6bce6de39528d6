"""Values of frames are pooled to the mean, low percentiles and the worst frame, and named by their model."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from tests.unit.media.rungs import RUNG_1080

from eddyline.core.errors import ProofError
from eddyline.media.quality.metrics import ALL, Metric, highest_psnr, model
from eddyline.media.quality.pooling import pool
from eddyline.media.quality.report import HDR, measured, not_measured
from eddyline.media.quality.score_logs import read_log

_FPS = Fraction(30)


def test_values_are_pooled_from_the_bad_end_of_their_scale() -> None:
    values = [float(value) for value in range(101)]
    assert pool(Metric.VMAF, values) == {"mean": 50.0, "p5": 5.0, "p1": 1.0, "min": 0.0}
    assert pool(Metric.CAMBI, values) == {"mean": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    assert pool(Metric.SSIM, [0.98765])["mean"] == 0.9877


@pytest.mark.parametrize(
    ("lines", "fps", "name"),
    [
        (1080, 30, "vmaf_v1.0.16_3d0h"),
        (720, 60, "vmaf_v1.0.16_hfr_3d0h"),
        (480, 30, "vmaf_v1.0.16_5d0h"),
        (360, 50, "vmaf_v1.0.16_hfr_5d0h"),
        (2160, 24, "vmaf_v1.0.16_1d5h_2160"),
        (1440, 60, "vmaf_v1.0.16_hfr_1d5h_2160"),
    ],
)
def test_the_model_of_vmaf_v1_follows_from_size_and_rate(lines: int, fps: int, name: str) -> None:
    for width, height in ((lines * 16 // 9, lines), (lines, lines * 16 // 9)):
        assert model(Metric.VMAF_V1, width, height, Fraction(fps)) == name
        assert model(Metric.VMAF, width, height, Fraction(fps)) == "vmaf_v0.6.1"
    assert model(Metric.PSNR, 1920, 1080, _FPS) is None


def test_a_sampled_mean_has_its_standard_error() -> None:
    found = measured(RUNG_1080, _FPS, {Metric.VMAF: [[90.0, 92.0], [94.0, 96.0]]}, "sampled")
    assert found == {
        "method": "sampled",
        "frames": 4,
        "width": 1920,
        "height": 1080,
        "metrics": {
            "vmaf": {
                "model": "vmaf_v0.6.1",
                "mean": 93.0,
                "p5": 90.3,
                "p1": 90.06,
                "min": 90.0,
                "standard_error": 2.0,
            }
        },
    }


def test_a_mean_of_all_frames_or_of_one_window_has_no_error() -> None:
    for windows, method in (([[90.0], [91.0]], "full"), ([[90.0, 91.0]], "sampled")):
        found = measured(RUNG_1080, _FPS, {Metric.VMAF: windows}, method)  # type: ignore[arg-type]
        assert "standard_error" not in found["metrics"]["vmaf"]


def test_what_is_not_measured_says_why() -> None:
    assert not_measured(HDR) == {"not_measured": "HDR: VMAF is not defined for it"}
    tiny = replace(RUNG_1080, width=32, height=18)
    assert measured(tiny, _FPS, {}, "sampled") == {
        "not_measured": "32x18 pixels are too small for the metrics"
    }


def test_the_highest_psnr_follows_from_the_bits_of_a_sample() -> None:
    assert highest_psnr(RUNG_1080) == 60
    assert highest_psnr(replace(RUNG_1080, pixel_format="yuv420p10le")) == 72


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"frames": [{"frameNum": 0, "metrics": {}}]}',
        '{"frames": [{"frameNum": 0, "metrics": {"vmaf": NaN}}]}',
        '{"frames": [{"frameNum": 0, "metrics": {"vmaf": "x"}}]}',
        "[" * 100_000,
    ],
)
def test_an_invalid_log_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "log").write_text(text)
    with pytest.raises(ProofError, match="log of vmaf is invalid"):
        read_log(tmp_path / "log", (Metric.VMAF,))


def test_statistics_files_are_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("n:1 mse_y:0.00 psnr_y:inf psnr_u:inf\nn:2 mse_y:2 psnr_y:45.12 psnr_u:1\n")
    assert read_log(tmp_path / "log", (Metric.PSNR,)) == {Metric.PSNR: {0: float("inf"), 1: 45.12}}
    (tmp_path / "log").write_text("n:1 Y:0.98 U:1 V:1 All:0.99 (17)\n")
    assert read_log(tmp_path / "log", (Metric.SSIM,)) == {Metric.SSIM: {0: 0.98}}
    (tmp_path / "log").write_text("n:    1  XPSNR y: 40.54  XPSNR u: 1\n\nXPSNR average, 1 frames  y: 33\n")
    assert read_log(tmp_path / "log", (Metric.XPSNR,)) == {Metric.XPSNR: {0: 40.54}}


def test_all_metrics_have_a_scale() -> None:
    assert all(pool(metric, [1.0])["mean"] == 1.0 for metric in ALL)
