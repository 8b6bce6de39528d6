import json
from pathlib import Path

import pytest
from benchmarks.__main__ import SUITES
from tests.shared_files import data_file

from eddyline.core.errors import UsageError
from eddyline.sim.workload.encode_speed import (
    BENCHMARK_FIGURE,
    REFERENCE_FPS_PER_VCPU,
    REFERENCE_SLOT_VCPU,
    measured_encode_fps,
)


def test_the_benchmark_of_encoding_measures_the_figure() -> None:
    assert BENCHMARK_FIGURE in SUITES["encode"]


def test_the_speed_is_that_of_two_processors(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({BENCHMARK_FIGURE: 12, "other": 1}))
    assert measured_encode_fps(path) == 24


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "has no number"),
        ('{"encode.frames_per_cpu_s": true}', "has no number"),
        ('{"encode.frames_per_cpu_s": 0}', "not between"),
        ('{"encode.frames_per_cpu_s": NaN}', "not between"),
        (" " * (1024 * 1024 + 1), "larger than 1024 KiB"),
    ],
)
def test_a_file_without_the_figure_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        measured_encode_fps(path)


def test_a_missing_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make bench"):
        measured_encode_fps(tmp_path / "results.json")


def test_the_constant_is_that_of_the_measurement() -> None:
    measured = json.loads(data_file("ec2-measured-throughput.json").read_bytes())
    assert measured["c8g.xlarge"]["ffmpeg"]["fps"] == 2 * REFERENCE_SLOT_VCPU * REFERENCE_FPS_PER_VCPU
