"""The health file says which loops of a process run; it never disturbs the process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eddyline.core.clock import ManualClock
from eddyline.core.health import HealthFile, find_problem


def test_a_process_whose_loops_run_is_healthy(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "health.json"
    health = HealthFile(path, loops=("publish", "reconcile"), clock=clock)
    for _ in range(10):
        health.ran("publish")
        health.ran("reconcile")
        clock.advance(30)
        assert find_problem(path, now=clock.now(), within_s=60) == ""


def test_one_loop_that_stops_is_found_although_another_one_runs(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "health.json"
    health = HealthFile(path, loops=("publish", "reconcile"), clock=clock)
    health.ran("reconcile")
    for _ in range(5):
        clock.advance(50)
        health.ran("publish")
    assert find_problem(path, now=clock.now(), within_s=180) == "the loop reconcile last ran 250 s ago"


def test_a_loop_that_never_ran_is_found(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "health.json"
    health = HealthFile(path, loops=("publish", "reconcile"), clock=clock)
    health.ran("publish")
    clock.advance(200)
    health.ran("publish")
    assert "reconcile" in find_problem(path, now=clock.now(), within_s=180)


def test_a_process_that_is_not_scheduled_any_more_is_found(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "health.json"
    HealthFile(path, loops=("worker",), clock=clock).ran("worker")
    assert find_problem(path, now=clock.now() + 181, within_s=180)


def test_a_clock_set_back_does_not_hide_a_loop_that_stopped(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "health.json"
    HealthFile(path, loops=("worker",), clock=clock).ran("worker")
    assert find_problem(path, now=clock.now() - 3600, within_s=180)


def test_the_file_is_written_only_every_few_seconds(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "health.json"
    health = HealthFile(path, loops=("worker",), clock=clock)
    health.ran("worker")
    first = path.read_text()
    clock.advance(1)
    health.ran("worker")
    assert path.read_text() == first
    clock.advance(5)
    health.ran("worker")
    assert path.read_text() != first
    assert [each.name for each in tmp_path.iterdir()] == ["health.json"]


def test_unknown_loops_and_missing_paths_are_ignored(tmp_path: Path) -> None:
    HealthFile(None, loops=("worker",)).ran("worker")
    HealthFile(None, loops=("worker",)).remove()
    HealthFile(tmp_path / "health.json", loops=("worker",)).ran("archive")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_does_not_end_the_process(tmp_path: Path) -> None:
    HealthFile(tmp_path / "missing" / "health.json", loops=("worker",)).ran("worker")


def test_the_file_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    health = HealthFile(path, loops=("worker",))
    health.ran("worker")
    health.remove()
    health.remove()
    assert not path.exists()


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in find_problem(tmp_path / "health.json", now=0)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"worker": "now"}', '{"worker": true}', '{"worker": null}', "\xff"],
)
def test_a_damaged_file_is_a_problem(tmp_path: Path, text: str) -> None:
    path = tmp_path / "health.json"
    path.write_bytes(text.encode("latin-1"))
    assert find_problem(path, now=0)


def test_a_time_that_is_not_a_number_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    path.write_text(json.dumps({"worker": float("nan")}))
    assert find_problem(path, now=0)


def test_a_huge_file_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    path.write_text(json.dumps({f"loop{n}": 0.0 for n in range(10_000)}))
    assert find_problem(path, now=0)
