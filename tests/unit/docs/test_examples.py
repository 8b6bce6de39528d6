"""Every example works as described in its first lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eddyline.fleet import pools
from eddyline.ingest import rules
from eddyline.media.ladder import profile
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.demo_clip import make_clip

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clip(tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "GX010001.MP4"
    make_clip(path, seconds=4, tools=tools)
    return path


def test_every_example_is_listed_and_tested() -> None:
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    names = {path.name for path in EXAMPLES.iterdir() if path.suffix in {".py", ".yaml"}}
    assert names == {
        "profile.yaml",
        "pools.yaml",
        "rules.yaml",
        "telemetry_report.py",
        "transcode.py",
        "http_client.py",
    }
    assert all(f"`{name}`" in listed for name in names)


def test_the_profile_is_valid() -> None:
    assert [rung.height for rung in profile.load_profile(str(EXAMPLES / "profile.yaml")).rungs] == [
        1080,
        720,
        360,
    ]


def test_the_pools_run_every_kind_of_job() -> None:
    kinds = [kind for pool in pools.load_pools(EXAMPLES / "pools.yaml").pools.values() for kind in pool.kinds]
    built_in = pools.load_pools().pools
    assert sorted(kinds) == sorted({*built_in["light"].kinds, *built_in["cpu"].kinds})


def test_the_rules_are_valid() -> None:
    assert rules.load_rules(EXAMPLES / "rules.yaml")


def test_the_telemetry_report_prints_every_fact(clip: Path) -> None:
    lines = run("telemetry_report.py", str(clip)).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "camera",
        "distance",
        "top speed",
        "maximum acceleration",
    ]


def test_the_transcode_example_prints_renditions_that_exist(clip: Path, tmp_path: Path) -> None:
    lines = run("transcode.py", str(clip), str(tmp_path / "library")).splitlines()
    assert lines
    assert all(Path(line.rpartition(".mp4 ")[0] + ".mp4").is_file() for line in lines)
