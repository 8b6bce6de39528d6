"""The report at the end of a run names results, failures and remedies."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from eddyline.cli.run_summary import print_report
from eddyline.media.left_out.report import LeftOut
from eddyline.pipeline.runs.events import AssetFailed, AssetFinished, RunReport, SourceSkipped


def printed(report: RunReport, out: Path | None = None) -> list[str]:
    text = io.StringIO()
    print_report(report, Console(file=text, width=60, markup=False, highlight=False), out)
    return [line for line in text.getvalue().splitlines() if line]


DONE = AssetFinished(
    asset="a",
    name="a.mp4",
    manifest="out/assets/a/manifest.json",
    page="out/assets/a/index.html",
    reused=False,
)
FAILED = AssetFailed(
    asset="b",
    name="b.mp4",
    source="card/b.mp4",
    job="b.inspect",
    reason="it is empty",
    remedy="copy it again",
)


def test_the_last_line_is_the_asset_page() -> None:
    skipped = SourceSkipped(path="c.jpg", reason="a still image")
    lines = printed(RunReport(finished=(DONE,), failed=(FAILED,), skipped=(skipped,)))
    assert lines[-1].endswith("out/assets/a/index.html")


def test_tracks_left_out_are_listed_one_per_line() -> None:
    tracks = (
        LeftOut(kind="subtitle", what="track 3 (tx3g)", why="subtitles are not carried"),
        LeftOut(kind="data", what="track 4 (\x1b[2J)", why="unknown"),
    )
    lines = printed(RunReport(finished=(replace(DONE, left_out=tracks),), failed=(), skipped=()))
    assert lines[1] == "  left out: subtitle: track 3 (tx3g): subtitles are not carried"
    assert lines[2] == "  left out: data: track 4 (\\x1b[2J): unknown"


def test_a_failure_has_its_source_reason_remedy_and_evidence() -> None:
    text = "\n".join(printed(RunReport(finished=(), failed=(FAILED,), skipped=()), Path("my out")))
    for part in ("card/b.mp4", "it is empty", "copy it again", "eddyline jobs show b.inspect --out 'my out'"):
        assert part in text


def test_many_skipped_files_of_one_kind_are_one_line() -> None:
    skipped = tuple(SourceSkipped(path=f"{n}.jpg", reason="a still image") for n in range(400))
    lines = printed(RunReport(finished=(), failed=(), skipped=skipped))
    assert lines[0] == "Skipped 400 files:"
    assert lines[1] == "  0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 395 more: a still image"


def test_an_interrupted_run_prints_how_to_resume() -> None:
    (line,) = printed(RunReport(finished=(), failed=(), skipped=(), interrupted="Ctrl-C"))
    assert "Run the same command again" in line


def test_a_run_without_sources_is_reported() -> None:
    assert printed(RunReport(finished=(), failed=(), skipped=())) == ["No video files found."]


def test_long_paths_are_never_wrapped() -> None:
    page = "/a/" + "long/" * 40 + "index.html"
    done = AssetFinished(asset="a", name="a", manifest=page, page=page, reused=False)
    assert printed(RunReport(finished=(done,), failed=(), skipped=()))[-1].endswith(page)


def test_a_failed_source_in_the_working_directory_is_named_once() -> None:
    failed = AssetFailed(asset="", name="b.mp4", source="b.mp4", job="", reason="it is empty", remedy="")
    assert printed(RunReport(finished=(), failed=(failed,), skipped=()))[0] == "✗ b.mp4"
