from __future__ import annotations

import os
import random
import sys
import time
from itertools import islice
from pathlib import Path

import pytest
from tests.chaos.processes import Command
from tests.chaos.workload import Submission, Submitter, submissions


def make_submitter(tmp_path: Path, program: str, seed: int) -> Submitter:
    argv = (sys.executable, "-c", program)
    return Submitter(
        log=tmp_path / "log",
        command=lambda _submission: Command(argv=argv, environment=dict(os.environ)),
        source=submissions(
            {"a.mp4": "s3://b/a.mp4", "b.mp4": "s3://b/b.mp4"}, lambda n: tmp_path / f"{n}.yaml"
        ),
        rng=random.Random(seed),
    )


def submit_until_accepted(submitter: Submitter, wanted: int) -> None:
    begin = time.monotonic()
    while sum(submitter.accepted.values()) < wanted or not submitter.idle:
        assert submitter.step(wanted=sum(submitter.accepted.values()) < wanted) == ""
        assert time.monotonic() - begin < 30
        time.sleep(0.005)


def test_each_wave_submits_all_sources_with_a_new_profile(tmp_path: Path) -> None:
    source = submissions({"a": "x", "b": "y"}, lambda n: tmp_path / str(n))
    assert [(w.name, w.profile.name) for w in islice(source, 4)] == [
        ("a", "0"),
        ("b", "0"),
        ("a", "1"),
        ("b", "1"),
    ]
    assert next(source) == Submission(name="a", address="x", profile=tmp_path / "2")


@pytest.mark.slow
def test_failed_submissions_are_repeated_and_counted_once(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    program = f"import pathlib, time; p = pathlib.Path({str(flag)!r}); time.sleep(0.2)\n"
    program += "if not p.exists(): p.touch(); raise SystemExit(1)"
    submitter = make_submitter(tmp_path, program, seed=2)
    submit_until_accepted(submitter, 4)
    assert dict(submitter.accepted) == {"a.mp4": 2, "b.mp4": 2}
    assert submitter.refused == 1


def test_a_submission_that_keeps_failing_is_reported(tmp_path: Path) -> None:
    submitter = make_submitter(tmp_path, "raise SystemExit('the ledger is unavailable')", seed=2)
    submitter.timeout_s = 0.1
    violation = ""
    begin = time.monotonic()
    while "the ledger is unavailable" not in violation:
        violation = submitter.step(wanted=True) or violation
        assert time.monotonic() - begin < 20
        time.sleep(0.005)
    assert violation.startswith("a.mp4 could not be submitted")
