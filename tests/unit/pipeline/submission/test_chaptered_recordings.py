"""A recording that a camera cut into chapters becomes one asset."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from eddyline import app
from eddyline.core.stop import Stop
from eddyline.media.ladder import profile as profiles
from eddyline.pipeline.demo_clip import make_clip
from eddyline.pipeline.runs.events import RunReport
from eddyline.pipeline.submission.submit import identify


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=1, width=160, height=90)


@pytest.fixture
def card(clip: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "card"
    folder.mkdir()
    for name in ("GX010042.MP4", "GX020042.MP4"):
        shutil.copyfile(clip, folder / name)
    return folder


def run(card: Path, out: Path, *, merge: bool = True) -> RunReport:
    request = app.RunRequest(sources=(card,), out=out, merge=merge)
    return app.run(request, stop=Stop(), on_event=lambda _: None)


def manifest(report: RunReport) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(Path(report.finished[0].manifest).read_text())
    return values


def test_chapters_become_one_asset_with_all_their_frames(card: Path, tmp_path: Path) -> None:
    report = run(card, tmp_path / "out")
    assert [each.name for each in report.finished] == ["GX010042.MP4"]
    assert [Path(each.path).name for each in report.skipped] == ["GX020042.MP4"]
    values = manifest(report)
    source = values["source"]
    assert source["name"] == "GX010042.MP4"
    assert [chapter["name"] for chapter in source["chapters"]] == ["GX010042.MP4", "GX020042.MP4"]
    assert source["bytes"] == sum(chapter["bytes"] for chapter in source["chapters"])
    assert source["video"]["frames"] == values["proof"]["frames_in"] == 60
    assert source["telemetry"]["payloads"] == 2
    again = run(card, tmp_path / "out")
    assert [each.reused for each in again.finished] == [True]


def test_without_merging_identical_chapters_are_one_asset(card: Path, tmp_path: Path) -> None:
    # Both files have the same bytes, so they are one asset with the frames of one file.
    report = run(card, tmp_path / "out", merge=False)
    assert "chapters" not in manifest(report)["source"]
    assert manifest(report)["proof"]["frames_in"] == 30


def test_a_dry_run_plans_the_recording(card: Path, tmp_path: Path) -> None:
    (planned,) = app.dry_run(app.RunRequest(sources=(card,), out=tmp_path / "out"))
    assert (planned.name, planned.frames, planned.error) == ("GX010042.MP4", 60, None)
    separate = app.dry_run(app.RunRequest(sources=(card,), out=tmp_path / "out", merge=False))
    assert [each.frames for each in separate] == [30, 30]


def test_a_recording_is_identified_by_its_chapters_in_order(card: Path, clip: Path, tmp_path: Path) -> None:
    profile = profiles.load_profile("default")
    first, second = sorted(card.iterdir())
    other = make_clip(tmp_path / "other.mp4", seconds=2, width=160, height=90)
    asset = identify((first, second), profile)[0]
    assert asset == identify((clip, second), profile)[0]
    assert asset != identify((first,), profile)[0]
    assert identify((first, other), profile)[0] != identify((other, first), profile)[0]
