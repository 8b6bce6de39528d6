"""`eddyline telemetry` shows and exports what a camera recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eddyline import gpmf
from eddyline.cli.main import build
from eddyline.core.errors import UsageError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three payloads of two cameras that both write GYRO, with GPS."""
    path = tmp_path / "trip.gpmf"
    blocks = []
    for number in range(3):
        counts = range(number * 10, number * 10 + 10)
        rows = [[470000000 + 100 * i, 80000000, 400000, 1000, 100] for i in counts]
        gps = gpmf.stream(
            *("GPS5", "l", rows),
            scale=[1e7, 1e7, 1000, 1000, 100],
            units=["deg", "deg", "m", "m/s", "m/s"],
            total=10 * number + 10,
            modifiers=[gpmf.leaf("GPSF", "L", 3), gpmf.leaf("GPSU", "U", f"24050112000{number}.000")],
        )
        gyro = gpmf.stream(
            "GYRO", "s", [[1, 2, 3]] * 20, units=["rad/s"], scale=[100], total=20 * number + 20
        )
        blocks.append(gpmf.serialize([gpmf.device(1, "Front", [gyro, gps]), gpmf.device(2, "Rear", [gyro])]))
    path.write_bytes(b"".join(blocks))
    return path


def run_telemetry(*arguments: object) -> Result:
    result = CliRunner().invoke(build(["telemetry"]), [str(each) for each in ("telemetry", *arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_json_summary_has_the_specified_fields(file: Path) -> None:
    found = json.loads(run_telemetry(file, "--summary", "--json").stdout)
    assert found["payloads"] == 3
    assert set(found["streams"]) == {"GYRO", "GPS5", "GYRO@Rear"}
    assert found["streams"]["GPS5"]["samples"] == 30
    assert set(found["streams"]["GYRO"]) == {"samples", "rate_hz", "units", "first_s", "device"}


def test_the_text_summary_names_streams_and_gps(file: Path) -> None:
    text = run_telemetry(file).stdout
    assert "GYRO@Rear" in text
    assert "30 of 30 samples with a fix" in text
    assert "2024-05-01" in text


def test_the_summary_names_the_utc_rule(tmp_path: Path) -> None:
    path = tmp_path / "warp.gpmf"
    blocks = []
    for number in range(6):
        modifiers = [gpmf.leaf("GPSF", "L", 3), gpmf.leaf("GPSU", "U", f"240501120{number}00.000")]
        gps = gpmf.stream("GPS5", "l", [[470000000, 80000000, 0, 0, 0]], scale=[1e7], modifiers=modifiers)
        blocks.append(gpmf.serialize([gpmf.device(1, "Camera", [gps])]))
    path.write_bytes(b"".join(blocks))
    text = " ".join(run_telemetry(path).stdout.split())
    assert "GPS time, 6 of 6 GPS readings" in text
    assert "59.9 times as fast as media time (TimeWarp or time-lapse)" in text
    clock = json.loads(run_telemetry(path, "--summary", "--json").stdout)["clock"]
    assert (clock["rule"], clock["readings"]) == ("GPS time", 6)


def test_an_ordinary_recording_follows_media_time(file: Path) -> None:
    assert "media time, placed in UTC by 3 of 3 GPS readings" in " ".join(run_telemetry(file).stdout.split())


def test_json_without_other_options_prints_the_complete_document(file: Path) -> None:
    found = json.loads(run_telemetry(file, "--json").stdout)
    assert found["format"] == "eddyline-telemetry"
    assert found["streams"]["GYRO"]["count"] == 60


def test_an_export_is_written_to_standard_output_or_a_file(file: Path, tmp_path: Path) -> None:
    printed = run_telemetry(file, "--format", "gpx", "--rate", "1").stdout
    assert printed.startswith("<?xml")
    reported = run_telemetry(file, "--out", tmp_path / "trip.gpx", "--rate", "1").stdout
    assert "trip.gpx" in reported
    assert (tmp_path / "trip.gpx").read_text("utf-8") == printed


def test_filters_are_applied_to_the_export(file: Path) -> None:
    text = run_telemetry(
        file, "--format", "csv", "--stream", "GPS5", "--from", "1.001", "--to", "2.002"
    ).stdout
    assert len(text.splitlines()) == 1 + 10
    kept = json.loads(
        run_telemetry(file, "--json", "--stream", "GYRO", "--max-dop", "5", "--fix", "2").stdout
    )
    assert list(kept["streams"]) == ["GYRO", "GYRO@Rear"], "a fourcc selects the streams of all devices"
    assert kept["filters"] == {"streams": ["GYRO"], "fix": 2, "max_dop": 5.0}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--summary", "--format", "gpx"),
        ("--json", "--format", "gpx"),
        ("--format", "doc"),
        ("--out", "trip.doc"),
        ("--fix", "4", "--json"),
        ("--from", "2", "--to", "1", "--json"),
        ("--stream", "NOPE", "--json"),
        ("--rate", "0", "--json"),
        ("--stream", "GYRO"),
    ],
)
def test_contradictory_options_are_usage_errors(file: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        run_telemetry(file, *arguments)


def test_lenient_mode_reads_the_valid_parts_of_a_damaged_file(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:-100])
    with pytest.raises(gpmf.GpmfError):
        run_telemetry(file, "--summary", "--json")
    result = run_telemetry(file, "--summary", "--json", "--lenient")
    assert json.loads(result.stdout)["payloads"] == 3
    assert "at byte" in result.stderr


def test_the_command_starts_without_ffmpeg_and_without_a_database(file: Path) -> None:
    code = (
        "import sys\nfrom eddyline.cli.main import main\n"
        f"sys.argv = ['eddyline', 'telemetry', {str(file)!r}, '--json']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('sqlalchemy', 'imageio_ffmpeg', 'obstore', 'pyarrow', 'eddyline.media', 'eddyline.graph')\n"
        "found = [name for name in heavy if name in sys.modules]\nassert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_counts_equal_the_reference(samples: Path) -> None:
    streams = json.loads(run_telemetry(samples / "karma.mp4", "--summary", "--json").stdout)["streams"]
    assert (streams["ACCL"]["samples"], streams["GYRO"]["samples"], streams["SCPR"]["samples"]) == (
        2397,
        4795,
        6,
    )
