"""Frames are compared with the source's own frames, by number, for all kinds of sources."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.media.quality.measured_clip import LOSSLESS, MeasuredClip

from eddyline.core.errors import ProofError, UnsupportedError
from eddyline.media.quality.comparison import Distorted, is_measurable
from eddyline.media.quality.metrics import ALL, SAMPLED, Metric
from eddyline.media.quality.windows import MARGIN, Window
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.filters import filter_graph

Make = Callable[..., MeasuredClip]
_LAVFI = ("-f", "lavfi", "-i")
_MOVING = "testsrc2=s=320x180:r=25,noise=alls=8:allf=t:all_seed=1"
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-g", "12", "-bf", "2")
_EQUAL_DB = 60.0  # the PSNR of equal frames of 8 bits
_PQ = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc,format=yuv420p10le"


@pytest.fixture
def clip(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> Make:
    """Makes a source of a second with FFmpeg's arguments."""

    def make(*argv: str, source: str = _MOVING, name: str = "a.mp4", **settings: Any) -> MeasuredClip:
        path = tmp_path / name
        options = argv if "-c:v" in argv else (*_X264, *argv)
        subprocess.run(
            [ffmpeg, "-v", "error", "-y", *_LAVFI, source, "-t", "1.04", *options, str(path)], check=True
        )
        return MeasuredClip(path=path, work=tmp_path, tools=tools, **settings)

    return make


SOURCES: dict[str, dict[str, Any]] = {
    "B-frames": {},
    "smaller rung": {"lines": 90},
    "variable rate": {"argv": ("-vf", "select='not(mod(n*n,7))+mod(n,3)'", "-fps_mode", "vfr")},
    "a rate whose ticks are rounded": {"argv": ("-r", "30000/1001", "-video_track_timescale", "1000")},
    "full range": {"argv": ("-vf", "scale=out_range=full,format=yuvj420p")},
    "10 bits, encoded with 8": {"argv": ("-pix_fmt", "yuv420p10le")},
    "4:4:4, encoded as 4:2:0": {"argv": ("-pix_fmt", "yuv444p")},
    "8 bits, encoded with 10": {"pixel_format": "yuv420p10le"},
    "RGB": {"argv": ("-c:v", "libx264rgb", "-qp", "10", "-g", "12")},
    "HDR, tone-mapped": {"argv": ("-vf", _PQ)},
    "odd size": {"argv": ("-vf", "crop=317:179,format=yuv444p")},
    "a Matroska file": {"name": "a.mkv"},
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_lossless_file_equals_the_reference_in_every_frame(clip: Make, name: str) -> None:
    settings = dict(SOURCES[name])
    made = clip(*settings.pop("argv", ()), **settings)
    highest = 72.0 if made.pixel_format.endswith("10le") else _EQUAL_DB
    found = made.measure(made.encode(), (Metric.PSNR, Metric.SSIM))
    assert set(found[Metric.PSNR]) == {highest}
    assert set(found[Metric.SSIM]) == {1.0}


def test_a_rotated_source_is_compared_upright(clip: Make, ffmpeg: str, tmp_path: Path) -> None:
    clip()
    turned = tmp_path / "turned.mp4"
    argv = ("-display_rotation", "90", "-i", str(tmp_path / "a.mp4"), "-c", "copy", str(turned))
    subprocess.run([ffmpeg, "-v", "error", "-y", *argv], check=True)
    made = MeasuredClip(path=turned, work=tmp_path, tools=clip().tools)
    assert (made.rung.width, made.rung.height) == (180, 320)
    assert set(made.measure(made.encode(), (Metric.PSNR,))[Metric.PSNR]) == {_EQUAL_DB}


def test_frames_that_an_edit_list_hides_are_not_compared(clip: Make, ffmpeg: str, tmp_path: Path) -> None:
    clip()
    cut = tmp_path / "cut.mp4"
    argv = ("-ss", "0.5", "-i", str(tmp_path / "a.mp4"), "-c", "copy", str(cut))
    subprocess.run([ffmpeg, "-v", "error", "-y", *argv], check=True)
    made = MeasuredClip(path=cut, work=tmp_path, tools=clip().tools)
    assert 0 < made.facts.frames < 26
    assert set(made.measure(made.encode(), (Metric.PSNR,))[Metric.PSNR]) == {_EQUAL_DB}


def test_equal_frames_have_the_best_values_of_all_metrics(clip: Make) -> None:
    made = clip("-frames:v", "8", source=_MOVING.replace("320x180", "480x270"))
    found = made.measure(made.encode(), ALL)
    assert set(found) == set(ALL)
    assert min(found[Metric.VMAF]) > 95
    assert min(found[Metric.VMAF_V1]) > 95
    assert set(found[Metric.XPSNR]) == {_EQUAL_DB}
    assert max(found[Metric.CAMBI]) < 10


def test_a_lower_quality_has_lower_values(clip: Make) -> None:
    made = clip("-frames:v", "8", source=_MOVING.replace("320x180", "480x270"))
    good, bad = (
        made.measure(made.encode(("-c:v", "libx264", "-crf", crf), name=f"crf{crf}"), ALL)
        for crf in ("20", "40")
    )
    for metric in set(ALL) - {Metric.CAMBI}:
        assert sum(bad[metric]) < sum(good[metric]), metric
    assert sum(bad[Metric.VMAF]) / len(bad[Metric.VMAF]) < 80


@pytest.mark.parametrize(
    "shift",
    ["tpad=start=1:start_mode=clone,trim=end_frame=26", "trim=start_frame=1,tpad=stop=1:stop_mode=clone"],
)
def test_a_file_that_is_shifted_by_one_frame_has_a_low_quality(clip: Make, shift: str) -> None:
    made = clip()
    whole = made.measure(made.encode(("-c:v", "libx264", "-crf", "20")), SAMPLED)
    shifted = made.measure(made.encode(filters=f"{shift},setpts=N/25/TB", name="shifted"), SAMPLED)
    assert sum(shifted[Metric.VMAF]) < sum(whole[Metric.VMAF]) - 10 * len(whole[Metric.VMAF])
    assert sorted(shifted[Metric.PSNR])[13] < 35


def test_windows_of_a_file_have_the_values_of_the_whole_file(clip: Make) -> None:
    made = clip()
    encoded = made.encode(("-c:v", "libx264", "-crf", "28"))
    whole = made.measure(encoded, SAMPLED)
    windows = [
        Window(start=a - 2 * (not at), stop=a + 6, first=a + 1, last=a + 5) for at, a in enumerate((3, 9, 19))
    ]
    found = made.measure_windows(encoded, windows, SAMPLED, interval=3)
    for metric in SAMPLED:
        expected = [[whole[metric][a + 1], whole[metric][a + 4]] for a in (3, 9, 19)]
        assert found[metric] == [pytest.approx(values, abs=1e-6) for values in expected]


def test_consecutive_windows_with_neighbours_have_the_values_of_the_whole_file(clip: Make) -> None:
    made = clip(source=_MOVING.replace("320x180:r=25", "480x270:r=50"))
    encoded = made.encode(("-c:v", "libx264", "-crf", "28"))
    whole = made.measure(encoded, ALL)
    count = made.facts.frames
    found: dict[Metric, list[float]] = {metric: [] for metric in ALL}
    for start in range(0, count, 20):
        stop = min(start + 20, count)
        window = Window(start=max(start - MARGIN, 0), stop=min(stop + MARGIN, count), first=start, last=stop)
        for metric, values in made.measure_windows(encoded, [window], ALL, interval=1).items():
            found[metric] += values[0]
    for metric in ALL:
        assert found[metric] == pytest.approx(whole[metric], abs=1e-6), metric


def test_a_rung_of_every_second_frame_is_compared_with_these_frames(clip: Make) -> None:
    made = clip()
    made.rung = replace(made.rung, frame_step=2)
    halved = made.encode()
    file = Distorted(name="file", rung=made.rung, path=halved, wanted=range(13))
    assert set(made.measure(file, (Metric.PSNR,))[Metric.PSNR]) == {_EQUAL_DB}
    window = Window(start=8, stop=20, first=10, last=18)
    assert made.measure_windows(halved, [window], (Metric.PSNR,), interval=3) == {Metric.PSNR: [[_EQUAL_DB]]}


def test_a_rung_is_compared_with_frames_that_are_scaled_within_its_family(clip: Make) -> None:
    made = clip()
    small = replace(made.rung, name="small", width=160, height=90, family="h264")
    alone = filter_graph(made.slice(), made.facts, [small], made.grid)
    larger = replace(made.rung, family="av1")
    both = filter_graph(made.slice(), made.facts, [larger, small], made.grid)
    scaling = alone.split("[g0]")[-1].removesuffix("[v0]")
    assert scaling in both
    within = filter_graph(made.slice(), made.facts, [replace(larger, family="h264"), small], made.grid)
    assert scaling not in within


def test_a_file_that_lacks_frames_is_an_error(clip: Make) -> None:
    made = clip()
    short = made.encode(filters="trim=end_frame=25")
    with pytest.raises(ProofError, match="25 frames were compared with 26"):
        made.measure(short, (Metric.PSNR,))


def test_hdr_is_not_measured(clip: Make) -> None:
    made = clip("-vf", _PQ, pixel_format="yuv420p10le", keep_hdr=True)
    assert not is_measurable(made.facts, made.rung)
    with pytest.raises(UnsupportedError, match="HDR"):
        made.measure(made.slice().path)


def test_metrics_that_are_not_defined_for_small_frames_are_left_out(clip: Make) -> None:
    made = clip(lines=120)
    found = made.measure(made.encode(LOSSLESS), ALL)
    assert set(ALL) - set(found) == {Metric.VMAF_V1, Metric.CAMBI}
