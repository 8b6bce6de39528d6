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


def supply(tmp_path: Path, program: str, seed: int) -> Submitter:
    argv = (sys.executable, "-c", program)
    return Submitter(
        log=tmp_path / "log",
        command=lambda _wish: Command(argv=argv, environment=dict(os.environ)),
        source=submissions(
            {"a.mp4": "s3://b/a.mp4", "b.mp4": "s3://b/b.mp4"}, lambda n: tmp_path / f"{n}.yaml"
        ),
        rng=random.Random(seed),
    )


def feed(made: Submitter, wanted: int) -> None:
    begin = time.monotonic()
    while sum(made.accepted.values()) < wanted or not made.idle:
        assert made.step(wanted=sum(made.accepted.values()) < wanted) == ""
        assert time.monotonic() - begin < 30
        time.sleep(0.005)


def test_waves_go_through_all_sources_each_with_its_own_profile(tmp_path: Path) -> None:
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
    once = f"import pathlib, time; p = pathlib.Path({str(flag)!r}); time.sleep(0.2)\n"
    once += "if not p.exists(): p.touch(); raise SystemExit(1)"
    made = supply(tmp_path, once, seed=2)
    feed(made, 4)
    assert dict(made.accepted) == {"a.mp4": 2, "b.mp4": 2}
    assert made.refused == 1


def test_a_submission_that_keeps_failing_is_reported(tmp_path: Path) -> None:
    made = supply(tmp_path, "raise SystemExit('the ledger is away')", seed=2)
    made.timeout_s = 0.1
    violation = ""
    begin = time.monotonic()
    while "the ledger is away" not in violation:
        violation = made.step(wanted=True) or violation
        assert time.monotonic() - begin < 20
        time.sleep(0.005)
    assert violation.startswith("a.mp4 could not be submitted")
