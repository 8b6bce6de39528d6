"""New files of a watched folder are processed by the rules in batches; failed ones wait for a change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.waiting import wait_until

from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop
from eddyline.ingest.folder_scan import FolderScanner
from eddyline.ingest.rules import Rules, load_rules
from eddyline.ingest.watch_folder import FolderWatch
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.runs.events import AssetFailed, Event, RunReport, SourceSkipped

RULES = """
rules:
- when: {prefix: slow/}
  profile: archive
  urgency: bulk
- when: {prefix: soon/}
  profile: fast
  deadline_s: 60
- when: {prefix: never/}
  ignore: not wanted
- when: {extension: bin}
"""


@dataclass
class FakeRuns:
    """A watched directory and the runs for its files; a file that contains `bad` fails."""

    root: Path
    batches: list[tuple[str, list[str]]] = field(default_factory=list)
    merged: list[list[str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)
    on_run: Callable[[], None] = lambda: None

    def process(self, files: Sequence[Path], profile: Profile, /, *, merge: bool) -> RunReport:
        names = [path.relative_to(self.root).as_posix() for path in files]
        failed = tuple(
            AssetFailed(asset="", name=path.name, source=str(path), job="", reason="bad", remedy="")
            for path in files
            if path.read_bytes() == b"bad"
        )
        self.batches.append((profile.name, names))
        self.merged += [names] if merge else []
        self.on_run()
        return RunReport(finished=(), failed=failed, skipped=(), interrupted=self.stop.reason)

    def watch(self, rules: Rules | None = None, *, once: bool = True, settle_s: float = 0.0) -> FolderWatch:
        return FolderWatch(
            folder=FolderScanner(root=self.root, settle_s=settle_s),
            rules=rules or load_rules(),
            process=self.process,
            stop=self.stop,
            on_event=self.events.append,
            once=once,
            poll_s=0.01,
        )

    def skips(self) -> list[SourceSkipped]:
        return [each for each in list(self.events) if isinstance(each, SourceSkipped)]

    def put(self, name: str, text: str = "x") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}")
        temporary.write_text(text)
        temporary.replace(path)


@pytest.fixture
def runs(tmp_path: Path) -> FakeRuns:
    return FakeRuns(tmp_path / "cards")


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    (tmp_path / "rules.yaml").write_text(RULES)
    return load_rules(tmp_path / "rules.yaml")


def test_settled_files_form_one_batch_per_profile_in_order_of_urgency(runs: FakeRuns, rules: Rules) -> None:
    for name in ("slow/a.mp4", "b.mp4", "soon/c.mp4", "a.mp4"):
        runs.put(name)
    runs.watch(rules).run()
    assert runs.batches == [
        ("fast", ["soon/c.mp4"]),
        ("default", ["a.mp4", "b.mp4"]),
        ("archive", ["slow/a.mp4"]),
    ]


def test_files_that_are_not_sources_are_reported_with_the_reason(runs: FakeRuns, rules: Rules) -> None:
    for name in ("a.txt", "a.lrv", "never/a.mp4", "note", "raw.bin"):
        runs.put(name)
    report = runs.watch(rules).run()
    assert runs.batches == [("default", ["raw.bin"])]
    assert len(report.skipped) == 4
    reasons = {Path(each.path).name: each.reason for each in runs.events if isinstance(each, SourceSkipped)}
    assert set(reasons) == {"a.txt", "a.lrv", "a.mp4", "note"}
    assert reasons["a.mp4"] == "not wanted"
    assert "not recognised as video" in reasons["note"]


def test_a_failed_file_is_retried_only_after_a_change(runs: FakeRuns) -> None:
    runs.put("a.mp4", "bad")
    watch = runs.watch(once=False)
    thread = threading.Thread(target=watch.run)
    thread.start()
    time.sleep(0.3)
    assert runs.batches == [("default", ["a.mp4"])]
    runs.put("a.mp4", "good")
    time.sleep(0.3)
    runs.stop.request("enough")
    thread.join(5)
    assert runs.batches == [("default", ["a.mp4"])] * 2


def test_once_ends_after_all_files_have_settled(runs: FakeRuns) -> None:
    runs.put("a.mp4")

    def add_file() -> None:
        runs.put("b.mp4")
        runs.on_run = lambda: None

    runs.on_run = add_file
    report = runs.watch(settle_s=0.2).run()
    assert runs.batches == [("default", ["a.mp4"]), ("default", ["b.mp4"])]
    assert not report.interrupted


def test_failures_are_in_the_report(runs: FakeRuns) -> None:
    runs.put("a.mp4", "bad")
    assert [each.name for each in runs.watch().run().failed] == ["a.mp4"]


def test_no_batch_starts_after_a_stop(runs: FakeRuns, rules: Rules) -> None:
    for name in ("slow/a.mp4", "b.mp4"):
        runs.put(name)
    runs.on_run = lambda: runs.stop.request("Ctrl-C")
    assert runs.watch(rules).run().interrupted == "Ctrl-C"
    assert len(runs.batches) == 1


def test_an_error_of_the_processing_ends_the_watch(runs: FakeRuns) -> None:
    def fail() -> None:
        raise UsageError("the folder is in use")

    runs.put("a.mp4")
    runs.on_run = fail
    with pytest.raises(UsageError, match="in use"):
        runs.watch().run()


def test_a_removed_folder_is_reported_once_and_watched_again_later(tmp_path: Path) -> None:
    runs = FakeRuns(root=tmp_path / "card")
    watch = runs.watch(once=False)
    thread = threading.Thread(target=watch.run, daemon=True)

    def report_count() -> int:
        return sum("unreadable" in each.reason for each in runs.skips())

    runs.put("a.mp4")
    thread.start()
    wait_until(lambda: runs.batches)
    runs.root.rename(tmp_path / "moved")
    wait_until(report_count)
    time.sleep(0.1)  # several scans
    assert report_count() == 1
    (tmp_path / "moved").rename(runs.root)
    runs.put("b.mp4")
    wait_until(lambda: any("b.mp4" in files for _, files in runs.batches))
    runs.root.rename(tmp_path / "moved")
    wait_until(lambda: report_count() == 2)
    runs.stop.request("enough")
    thread.join(5)
    assert not thread.is_alive()


@pytest.fixture
def rules_with_wait(tmp_path: Path) -> Rules:
    (tmp_path / "waiting.yaml").write_text("default: {chapters_wait_s: 0.5}")
    return load_rules(tmp_path / "waiting.yaml")


def test_chapters_are_merged_after_none_was_added_for_some_time(
    runs: FakeRuns, rules_with_wait: Rules
) -> None:
    for name in ("card/GX020042.MP4", "card/GX010042.MP4", "card/GX010043.MP4", "b.mp4"):
        runs.put(name)

    def add_file() -> None:  # while the first batch is processed, before the wait for chapters is over
        runs.put("card/GX030042.MP4")
        runs.on_run = lambda: None

    runs.on_run = add_file
    runs.watch(rules_with_wait).run()
    assert runs.batches[0] == ("default", ["b.mp4"])
    recordings = [name for names in runs.merged for name in names]
    chapters = [f"card/GX0{number}0042.MP4" for number in (1, 2, 3)]
    assert sorted(recordings) == sorted(["card/GX010043.MP4", *chapters])


def test_a_late_chapter_processes_its_recording_again(runs: FakeRuns, rules_with_wait: Rules) -> None:
    runs.put("GX010042.MP4")
    runs.watch(rules_with_wait).run()
    assert runs.merged == [["GX010042.MP4"]]
    watch = runs.watch(rules_with_wait, once=False)
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    wait_until(lambda: len(runs.merged) == 2)
    runs.put("GX020042.MP4")
    wait_until(lambda: len(runs.merged) == 3)
    runs.stop.request("enough")
    thread.join(5)
    assert runs.merged[1:] == [["GX010042.MP4"], ["GX010042.MP4", "GX020042.MP4"]]
