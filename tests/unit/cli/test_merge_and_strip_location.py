"""`eddyline merge` and `eddyline strip-location` on the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from eddyline.cli.edit_options import run_stoppable
from eddyline.cli.main import build
from eddyline.core.errors import InputError, MissingError, UsageError
from eddyline.core.stop import Stop
from eddyline.pipeline.demo_clip import make_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=1, width=160, height=90)


@pytest.fixture
def card(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A card with two chapters; the working directory is an empty directory beside it."""
    folder = tmp_path / "card"
    folder.mkdir()
    for name in ("GX010042.MP4", "GX020042.MP4"):
        shutil.copyfile(clip, folder / name)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def call(*arguments: str | Path) -> Result:
    argv = [str(argument) for argument in arguments]
    return CliRunner().invoke(build(argv), argv, catch_exceptions=False)


def test_merge_names_its_result_after_the_first_chapter(card: Path) -> None:
    result = call("merge", card / "GX020042.MP4", card / "GX010042.MP4")
    assert result.exit_code == 0
    assert "GX010042-merged.MP4" in result.output
    assert "2 chapters, 60 frames, 2.0 s, 2 telemetry payloads" in result.output
    assert Path("GX010042-merged.MP4").is_file()


def test_strip_location_reports_what_it_kept_and_removed(card: Path) -> None:
    result = call("strip-location", card / "GX010042.MP4", "--out", "plain.mp4")
    assert "kept        track 1 (avc1): video, without user data" in result.output
    assert "removed     track 3/GPS5: it contains the location" in result.output
    assert "xyz: it contains the location" in result.output
    assert "changed     1 telemetry payload" in result.output
    assert "no location" not in result.output
    again = call("strip-location", "plain.mp4", "-o", "again.mp4")
    assert "no location found: nothing was removed" in again.output


def test_strip_location_reports_as_json(card: Path) -> None:
    result = call("strip-location", card / "GX010042.MP4", "--out", "plain.mp4", "--json")
    report = json.loads(result.output)
    assert report["path"] == "plain.mp4"
    assert report["bytes"] == Path("plain.mp4").stat().st_size
    assert report["payloads"] == 1
    assert {each["what"] for each in report["removed"]} == {"moov/udta/\\xa9xyz", "track 3/GPS5"}
    assert all(each["why"] for each in [*report["kept"], *report["removed"]])


def test_a_result_never_replaces_its_source_or_an_unnamed_file(card: Path) -> None:
    source = card / "GX010042.MP4"
    with pytest.raises(UsageError, match="replace a source"):
        call("strip-location", source, "-o", source)
    with pytest.raises(UsageError, match="is a directory"):
        call("strip-location", source, "-o", card)
    call("strip-location", source)
    with pytest.raises(UsageError, match="already"):
        call("strip-location", source)


def test_a_missing_chapter_is_named(card: Path) -> None:
    with pytest.raises(MissingError, match="GX030042"):
        call("merge", card / "GX010042.MP4", card / "GX030042.MP4")


def test_a_gap_is_joined_only_with_force(card: Path) -> None:
    (card / "GX020042.MP4").rename(card / "GX030042.MP4")
    with pytest.raises(InputError, match="chapter 2 is missing"):
        call("merge", *sorted(card.iterdir()))
    assert call("merge", *sorted(card.iterdir()), "--force").exit_code == 0


def test_a_signal_stops_the_copy_with_its_exit_code() -> None:
    def work(stop: Stop) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10_000):
            stop.check()
            threading.Event().wait(0.001)

    with pytest.raises(typer.Exit) as ended:
        run_stoppable(work)
    assert ended.value.exit_code == 143


def test_uninterrupted_work_returns_its_result() -> None:
    assert run_stoppable(lambda _: 7) == 7
