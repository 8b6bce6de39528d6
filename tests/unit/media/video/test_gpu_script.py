"""The script for machines with a GPU runs anywhere; without a GPU it says what failed."""

from __future__ import annotations

from pathlib import Path

from tests.gpu import measure


def test_the_script_measures_cpus_and_names_what_fails_on_the_device(ffmpeg: str, tmp_path: Path) -> None:
    found = measure(Path(ffmpeg), 1, tmp_path, workers=1)
    assert found["cpu"]["frames_per_cpu_s"] > 0
    assert set(found["nvenc"]) == {"h264_nvenc", "hevc_nvenc", "av1_nvenc"}
    for result in (found["nvdec"], found["nvdec_and_scale"], *found["nvenc"].values()):
        assert result["ok"] or result["error"]
    if not Path("/dev/nvidiactl").exists():
        assert not found["nvdec"]["ok"]
        assert not found["nvenc"]["h264_nvenc"]["ok"]
