from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from tests.chaos import checks
from tests.chaos.audit import Change, EndedStart, Row
from tests.chaos.processes import ProcessExit, ProcessState

CLAIM = Change(
    at=1, job="a", before="ready", after="running", old_fence=0, fence=1, old_owner=None, owner="w1"
)
DONE = Change(at=3, job="a", before="running", after="done", old_fence=1, fence=1, old_owner="w1", owner=None)
LOST = replace(DONE, after="ready", at=2)
ROW = Row(id="a", asset="x", kind="chunk", state="done")
MANIFEST: dict[str, Any] = {
    "asset": "x",
    "source": {"name": "one.mp4"},
    "renditions": [1],
    "profile": {"name": "wave-3"},
    "run": {"wall_s": 3},
}


def test_the_fleet_record_has_each_interruption_and_no_other() -> None:
    assert checks.interruptions(recorded={"i-1"}, interrupted=["i-1"]) == []
    assert checks.interruptions(recorded=set(), interrupted=["i-1"]) == [
        "the fleet record lacks the interruption of i-1"
    ]
    assert checks.interruptions(recorded={"i-1", "i-2"}, interrupted=["i-1"]) == [
        "the fleet record has an interruption of i-2"
    ]


def test_a_job_claimed_and_completed_once_is_correct() -> None:
    assert checks.all_done([ROW], ["x"]) == []
    assert checks.done_once([ROW], [CLAIM, DONE]) == []
    assert checks.fenced([CLAIM, DONE]) == []


def test_a_lost_job_completed_by_another_worker_is_correct() -> None:
    again = replace(CLAIM, at=4, old_fence=1, fence=2, owner="w2")
    done = replace(DONE, at=9, old_fence=2, fence=2, old_owner="w2")
    assert checks.done_once([ROW], [CLAIM, LOST, again, done]) == []
    assert checks.fenced([CLAIM, LOST, again, done]) == []
    assert checks.slot_seconds([CLAIM, LOST, again, done]) == (5, 1)


def test_only_the_holder_of_an_orphaned_job_may_complete_it() -> None:
    resumed = replace(CLAIM, at=4, old_fence=1, fence=1)
    assert checks.fenced([CLAIM, LOST, resumed, replace(DONE, at=5)]) == []
    assert checks.fenced([CLAIM, LOST, replace(resumed, owner="zombie")]) == [
        "a was claimed twice with fence 1"
    ]


def test_each_claim_has_one_row_in_the_start_history() -> None:
    again = replace(CLAIM, at=4, old_fence=1, fence=2, owner="w2")
    lost, done = EndedStart(job="a", fence=1, outcome="lost"), EndedStart(job="a", fence=2, outcome="done")
    row, changes = replace(ROW, starts=2), [CLAIM, LOST, again, replace(DONE, fence=2, old_fence=2)]
    assert checks.history([row], changes, [lost, done]) == []
    running = replace(row, state="running")
    assert checks.history([running], changes[:3], [lost]) == []
    # A worker that seemed lost and continues has one row, with its last outcome.
    resumed = [CLAIM, LOST, replace(CLAIM, at=4, old_fence=1), DONE]
    assert checks.history([ROW], resumed, [replace(done, fence=1)]) == []


@pytest.mark.parametrize(
    ("outcomes", "violation"),
    [
        ([], "a has no row for its start with fence 1"),
        ([(1, "done"), (1, "done")], "a has 2 rows for fence 1"),
        ([(1, "done"), (2, "lost")], "a: fence 2 was never claimed"),
        ([(1, "lost")], "a is done, and 0 of its starts are done"),
    ],
)
def test_missing_doubled_and_invented_rows_are_reported(
    outcomes: list[tuple[int, str]], violation: str
) -> None:
    starts = [EndedStart(job="a", fence=fence, outcome=outcome) for fence, outcome in outcomes]
    assert violation in checks.history([ROW], [CLAIM, DONE], starts)


def test_open_and_unpublished_jobs_are_reported() -> None:
    assert "a is dead" in checks.all_done([replace(ROW, state="dead", error="{}")], ["x"])[0]
    assert checks.all_done([ROW], []) == ["asset x has no manifest"]


def test_a_second_accepted_result_is_reported() -> None:
    assert checks.done_once([ROW], [CLAIM, DONE, DONE]) == ["a was completed 2 times"]
    assert checks.done_once([ROW], []) == ["a is done without a recorded change"]
    assert checks.done_once([ROW], [CLAIM, DONE, replace(DONE, before="done", after="ready")])


@pytest.mark.parametrize(
    "bad",
    [
        replace(DONE, old_owner="zombie"),
        replace(DONE, old_fence=0, fence=0),
        replace(DONE, fence=2),
        replace(DONE, before="waiting"),
        replace(CLAIM, old_fence=1, fence=1),
        replace(LOST, fence=0),
    ],
)
def test_a_result_of_a_worker_without_the_job_is_reported(bad: Change) -> None:
    assert checks.fenced([CLAIM, bad])


def test_manifests_are_compared_except_for_the_fields_that_a_wave_varies() -> None:
    expected = {"one.mp4": {**MANIFEST, "asset": "y", "profile": {}, "run": {}}}
    assert checks.same_manifests({"x": MANIFEST}, expected, times=Counter({"one.mp4": 1})) == []
    changed = {**MANIFEST, "renditions": [2]}
    (reported,) = checks.same_manifests({"x": changed}, expected, times=Counter({"one.mp4": 1}))
    assert reported == "x (one.mp4): renditions is [2], undisturbed [1]"


def test_surplus_missing_and_unknown_assets_are_reported() -> None:
    expected = {"one.mp4": MANIFEST}
    assert checks.same_manifests({"x": MANIFEST}, expected, times=Counter({"one.mp4": 2}))
    assert checks.same_manifests({"x": MANIFEST}, {}, times=Counter({"one.mp4": 1}))
    assert checks.same_manifests({"z": MANIFEST}, expected, times=Counter({"one.mp4": 1}))


def test_an_exit_must_be_requested_clean_and_in_time() -> None:
    stopped = ProcessExit(name="w", state=ProcessState.STOPPING, status=0, early_s=5.0, took_s=1.0)
    assert checks.exits([stopped]) == []
    assert (
        "exited unrequested" in checks.exits([replace(stopped, state=ProcessState.RUNNING, early_s=None)])[0]
    )
    assert "still running" in checks.exits([replace(stopped, early_s=-1.0, status=-9)])[0]
    assert checks.exits([replace(stopped, status=-15, ready=False)]) == []
    assert "with status 1" in checks.exits([replace(stopped, status=1)])[0]


def test_leftovers_are_reported_up_to_a_limit() -> None:
    reported = checks.nothing_left(scratch=[str(n) for n in range(9)], processes=["ffmpeg"])
    assert len(reported) == 7
    assert reported[5] == "... and 4 more like the last"


def test_late_parts_of_few_assets_are_tolerated_and_those_of_many_are_not() -> None:
    assert checks.tidied(["a"], ["a", "b", "c"]) == []
    assert checks.tidied(["a", "b"], ["a", "b", "c"]) == [
        "2 of 3 assets have intermediate files left, such as a"
    ]


def test_repeated_work_is_counted_in_starts_and_frames() -> None:
    rows = [replace(ROW, starts=3, weight=120.0), replace(ROW, id="b", kind="audio")]
    assert checks.redone(rows) == {
        "jobs": 2,
        "starts": 4,
        "interruptions": 0,
        "frames": 120.0,
        "frames_started": 360.0,
    }
