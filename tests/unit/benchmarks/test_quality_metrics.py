from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from benchmarks.quality_metrics import measure_vmaf, simulate_buffer, simulate_file, vbv_underflows

from eddyline.core.errors import ProofError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.media.toolchain import Toolchain

RATE = Fraction(25)


def make(ffmpeg: str, out: Path, *options: str, frames: int = 20, size: str = "192x108") -> Path:
    source = f"testsrc2=s=192x108:r=25,scale={size.replace('x', ':')}"
    argv = [ffmpeg, "-y", "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", f"{frames}"]
    argv += ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", *options, f"{out}"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return out


def test_worse_encodes_have_lower_vmaf(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    reference = make(ffmpeg, tmp_path / "a.mp4", "-crf", "1")
    means = []
    for crf in ("15", "35", "48"):
        other = make(ffmpeg, tmp_path / "b.mp4", "-crf", crf)
        vmaf = measure_vmaf(reference, other, tools=tools, runner=Runner(), work=tmp_path)
        assert vmaf.frames == 20
        assert vmaf.minimum <= vmaf.harmonic_mean <= vmaf.mean <= 100
        means.append(vmaf.mean)
    assert means == sorted(means, reverse=True)
    assert means[0] - means[-1] > 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_a_smaller_rung_with_another_timescale_is_matched_frame_by_frame(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    reference = make(ffmpeg, tmp_path / "a.mp4", "-crf", "1")
    smaller = make(ffmpeg, tmp_path / "b.mp4", "-crf", "1", "-video_track_timescale", "90000", size="160x90")
    late = make(ffmpeg, tmp_path / "c.mp4", "-crf", "1", "-output_ts_offset", "0.3")
    scores = [
        measure_vmaf(reference, each, tools=tools, runner=Runner(), work=tmp_path).mean
        for each in (smaller, late)
    ]
    assert 40 < scores[0] < scores[1]
    assert scores[1] > 90


def test_encodes_of_different_lengths_are_not_compared(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    reference = make(ffmpeg, tmp_path / "a.mp4")
    shorter = make(ffmpeg, tmp_path / "b.mp4", frames=19)
    with pytest.raises(ProofError, match="19 frames"):
        measure_vmaf(reference, shorter, tools=tools, runner=Runner(), work=tmp_path)


def test_a_buffer_with_equal_input_and_output_stays_full() -> None:
    result = simulate_buffer([1000] * 50, 25_000, 10_000, RATE, 1)
    assert result.underflows == ()
    assert result.lowest == pytest.approx(0.9)


def test_each_late_frame_is_counted_once() -> None:
    # 10,000 bits in the buffer, filled with 1,000 per frame: each frame of 4,000 leaves 3,000 less.
    result = simulate_buffer([4000] * 4, 25_000, 10_000, RATE, 1)
    assert result.underflows == (3,)
    assert result.lowest == pytest.approx(-0.3)
    # An underflow empties the buffer; after some small frames it has recovered.
    assert simulate_buffer([12_000, *[0] * 10, 9000], 25_000, 10_000, RATE, 1).underflows == (0,)
    assert simulate_buffer([12_000, *[0] * 7, 9000], 25_000, 10_000, RATE, 1).underflows == (0, 8)


def test_the_buffer_never_exceeds_its_size() -> None:
    assert simulate_buffer([*[0] * 100, 10_001], 25_000, 10_000, RATE, 0).underflows == (100,)
    assert simulate_buffer([*[0] * 100, 10_000], 25_000, 10_000, RATE, 0).underflows == ()


def test_fractional_rates_do_not_drift_over_an_hour() -> None:
    # At 30000/1001 fps a channel of 30,000 bit/s delivers exactly 1,001 bits per frame.
    rate = Fraction(30_000, 1001)
    assert simulate_buffer([1001] * 107_892, 30_000, 1001, rate, 1).underflows == ()
    assert simulate_buffer([1002] * 107_892, 30_000, 2002, rate, 1).underflows[0] == 1001


@pytest.mark.parametrize(
    ("maxrate", "bufsize", "fill"), [(0, 1, 0.5), (1, 0, 0.5), (1, 1, -0.1), (1, 1, 1.1)]
)
def test_an_invalid_buffer_is_rejected(maxrate: int, bufsize: int, fill: float) -> None:
    with pytest.raises(UsageError, match="the buffer needs"):
        simulate_buffer([1], maxrate, bufsize, RATE, fill)


def test_only_an_encode_with_a_capped_rate_has_no_underflows(ffmpeg: str, tmp_path: Path) -> None:
    noise = ("-vf", "noise=alls=40:allf=t", "-tune", "zerolatency")
    cap = ("-crf", "10", "-maxrate", "600k", "-bufsize", "600k")
    capped = make(ffmpeg, tmp_path / "a.mp4", *noise, *cap, frames=75)
    free = make(ffmpeg, tmp_path / "b.mp4", *noise, "-crf", "10", frames=75)
    assert vbv_underflows(capped, 600, 600, RATE) == ()
    assert len(vbv_underflows(free, 600, 600, RATE)) > 50
    assert simulate_file(capped, 600, 600, RATE).lowest > 0
