from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.chaos.disturbances import Kind, Mode
from tests.chaos.processes import ProcessExit, ProcessState
from tests.chaos.report import Figures, as_json, insert_table, table
from tests.servers.network import Fault

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "chaos.md"
FIGURES = Figures(
    mode=Mode.SQS,
    seed=3,
    cores=2,
    sources=4,
    undisturbed_s=10,
    faults_s=60,
    settled_s=20,
    assets=5,
    published=5,
    disturbances={Kind.KILL_WORKER: 4},
    missed=0,
    network={Fault.PASSED: 90, Fault.DROP: 10},
    store_proxy={Fault.PASSED: 7, Fault.CUT: 2, Fault.REFUSE: 1},
    submissions=(1, 2, 3),
    exits=(ProcessExit(name="w", state=ProcessState.STOPPING, status=0, early_s=100.0, took_s=9.5),),
    redone={"jobs": 50, "starts": 55, "interruptions": 5, "frames": 1000, "frames_started": 1100},
    slot_seconds=(75.0, 25.0),
    lost=5,
    ignored=7,
    untidy=0,
    uploads=0,
    violations=(),
)


def test_the_table_lists_repeated_work() -> None:
    reported = table(FIGURES)
    assert "| kill -9 of a worker | 4 |" in reported
    assert "| requests to the queue | 100 (10 dropped) |" in reported
    assert "| requests to S3 | 10 (2 cut, 1 refused) |" in reported
    assert "| starts beyond the first | 5 (10 % of all jobs) |" in reported
    assert "| frames repeated | 100 (10 % of all frames) |" in reported
    assert "| slot seconds lost | 25 (25 % of all) |" in reported
    assert "| stop request to exit, longest, s | 9.5 |" in reported


def test_the_table_of_direct_workers_has_no_queue_rows() -> None:
    assert "queue" not in table(replace(FIGURES, mode=Mode.DIRECT))


def test_a_trial_passes_only_without_violations() -> None:
    assert FIGURES.passed
    assert not replace(FIGURES, violations=("a is dead",)).passed
    assert json.loads(json.dumps(as_json(FIGURES)))["redone"]["starts"] == 55


@pytest.mark.parametrize("mode", list(Mode))
def test_the_document_has_a_section_for_each_table_and_nothing_else_changes(mode: Mode) -> None:
    page = PAGE.read_text()
    written = insert_table(page, replace(FIGURES, mode=mode))
    assert table(replace(FIGURES, mode=mode)) in written
    assert insert_table(written, replace(FIGURES, mode=mode)) == written
    assert written.split("## Results")[0] == page.split("## Results")[0]
    with pytest.raises(ValueError, match="no markers"):
        insert_table("# a page", FIGURES)
