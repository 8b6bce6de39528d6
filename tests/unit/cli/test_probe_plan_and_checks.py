"""Source facts, plans, checks and profiles, printed as text and as JSON."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from eddyline.app import Check, PlannedAsset
from eddyline.cli.doctor import show_checks
from eddyline.cli.dry_run import show_plan
from eddyline.cli.main import build
from eddyline.cli.probe import show_facts
from eddyline.core.errors import UsageError
from eddyline.media.ladder import profile as profiles
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.source import AudioFacts, SourceFacts, TelemetryFacts, VideoFacts
from eddyline.pipeline.runs.events import AssetFailed

FACTS = SourceFacts(
    bytes=16_812_345,
    fingerprint="ab" * 32,
    duration_s=60.06,
    container="mp4",
    video=VideoFacts(
        codec="hevc",
        width=1920,
        height=1080,
        rotation=90,
        fps=Fraction(60000, 1001),
        frames=3600,
        pixel_format="yuv420p10le",
        bit_depth=10,
        transfer="arib-std-b67",
        timescale=60_000,
    ),
    audio=(AudioFacts(track=2, codec="aac", channels=2, sample_rate=48_000, title="\x1b[2Jmic"),),
    telemetry=TelemetryFacts(payloads=60, bytes=400_000, sha256="cd" * 32),
    left_out=(LeftOut(kind="data", what="track 5 (rvmi)", why="unknown"),),
)


def test_properties_are_printed_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    show_facts(Path("a\n.mp4"), FACTS, as_json=False)
    text = capsys.readouterr().out
    for part in (
        "a\\n.mp4", "mp4, 17 MB, 1:00", "hevc 1920x1080, 59.94 frames/s, 3,600 frames", "10 bits",
        "arib-std-b67 (HDR)", "rotated by 90 degrees", "displayed as 1080x1920", "2 channels, 48,000 Hz, und",
        "60 payloads, 400 kB", "left out    data: track 5 (rvmi): unknown",
    ):  # fmt: skip
        assert part in text
    assert "\x1b" not in text


def test_properties_are_printed_completely_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_facts(Path("a.mp4"), FACTS, as_json=True)
    assert SourceFacts.from_json(json.loads(capsys.readouterr().out)) == FACTS


FAILED = AssetFailed(asset="", name="b.mp4", source="b.mp4", job="", reason="it is empty", remedy="copy it")
PLANNED = (
    PlannedAsset(name="a.mp4", facts=FACTS, rungs=(), chunks=6, frames=3600, estimate_cpu_s=185.0),
    PlannedAsset(name="b.mp4", facts=None, error=FAILED),
)


def test_a_plan_lists_frames_chunks_cost_and_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert show_plan(PLANNED, as_json=False) == 1
    text = capsys.readouterr().out
    for part in (
        "3,600",
        "3:05",
        "b.mp4  failed: it is empty",
        "copy it",
        "1 asset",
        "Nothing was submitted",
    ):
        assert part in text
    assert show_plan(PLANNED[:1], as_json=False) == 0


def test_a_plan_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_plan(PLANNED, as_json=True) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert (first["chunks"], first["frames"], first["error"]) == (6, 3600, None)
    assert second["error"]["remedy"] == "copy it"


def test_a_failed_check_has_a_remedy_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    good = Check(name="ffmpeg", ok=True, value="9.0", remedy="")
    bad = Check(name="free disk", ok=False, value="1 MB", remedy="free some space")
    assert show_checks((good, bad), as_json=False) == 1
    text = capsys.readouterr().out
    assert "what to do: free some space" in text
    assert "1 of 2 checks failed." in text
    assert show_checks((good,), as_json=True) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "ffmpeg"


def _profiles(*arguments: str) -> str:
    argv = ["profiles", *arguments]
    result = CliRunner(env={"COLUMNS": "120"}).invoke(build(argv), argv)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_every_built_in_profile_is_listed() -> None:
    text = _profiles("list")
    assert all(name in text for name in profiles.profile_names())
    assert [each["name"] for each in json.loads(_profiles("list", "--json"))] == list(
        profiles.profile_names()
    )


def test_a_printed_profile_can_be_saved_and_used(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(_profiles("show", "default"))
    assert profiles.load_profile(str(path)) == profiles.load_profile("default")
    assert yaml.safe_load(path.read_text()) == json.loads(_profiles("show", "default", "--json"))


def test_an_unknown_profile_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        _profiles("show", "nonsense")
