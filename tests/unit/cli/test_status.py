"""The status report; on a narrow terminal, ids and numbers remain complete."""

from __future__ import annotations

import io
from dataclasses import asdict, replace

import pytest
from rich.console import Console

from eddyline.app.status import Status, UnhandledMessages
from eddyline.cli.status import print_status
from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.graph.ledger.overview import AssetStatus
from eddyline.graph.machine import Machine
from eddyline.observe.backlog import Queue

NAME = "A very long file name that goes on and on GX010042.MP4"


def _status(*, owner: str = "", assets: int = 3) -> Status:
    statuses = [
        AssetStatus(
            asset=f"{number:016x}",
            owner=owner,
            submitted=0.0,
            done=0.42,
            running=12,
            redone=3,
            dead=0,
            jobs=20,
        )
        for number in range(assets)
    ]
    return Status(
        at=4000.0,
        under_way=500 if assets else 0,
        assets=tuple(statuses),
        failed=(),
        names=dict.fromkeys((each.asset for each in statuses), NAME),
        queues=(Queue(pool="gpu", due=167, oldest_s=9000.0),) if assets else (),
        workers={"cpu": 1},
        serving={"gpu": 0},
        worker_names=("cpu@a-host:4242-1a2c5b",),
        overdue=2,
        waiting=1234,
        late=0,
        unserved=(UnservedPool(pool="gpu", jobs=167, waited_s=5.0, remedy="start one"),) if assets else (),
    )


def _lines(status: Status, width: int) -> list[str]:
    screen = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    print_status(screen, status)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


@pytest.mark.parametrize("owner", ["", "an-owner-with-a-rather-long-name"])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_ids_and_numbers_are_complete_on_any_terminal(width: int, owner: str) -> None:
    lines = _lines(_status(owner=owner), width)
    assert all(
        column in lines[1].split() for column in ("asset", "file", "done", "running", "redone", "elapsed")
    )
    assert ("own" in lines[1]) == bool(owner)
    for number, line in enumerate(lines[2:5]):
        assert len(line) <= width
        assert line.startswith(f"{number:016x}")
        assert line.split()[-4:] == ["42%", "12", "3", "1:06:40"]
    assert (NAME in lines[2]) == (width == 200)


def test_problems_for_an_operator_are_listed_last() -> None:
    lines = _lines(_status(), 60)
    assert "500 assets in progress" in lines[0]
    assert "and 497 more" in lines
    assert "1,234 waiting for other jobs" in lines
    assert "1 worker, 2 lost" in lines
    assert lines[-2:] == [
        "✗ 167 jobs of pool gpu and no worker for them, for 5.0 s",
        "  what to do: start one",
    ]


def test_the_machine_of_a_worker_is_shown_as_far_as_it_is_known() -> None:
    (name,) = _status().worker_names
    machine = Machine(
        pool="cpu", instance="i-0123456789abcdef0", instance_type="c5.4xlarge", lifecycle="spot", slots=8
    )
    known = replace(_status(), machines={name: machine, "gone": machine}, unknown=("eve",))
    assert f"  {name}  i-0123456789abcdef0  c5.4xlarge  spot" in _lines(known, 60)
    assert "  eve" in _lines(known, 60)
    assert f"  {name}" in _lines(_status(), 60)
    assert asdict(known)["machines"][name]["instance_type"] == "c5.4xlarge"


def test_an_idle_ledger_is_reported_as_such() -> None:
    lines = _lines(_status(assets=0), 60)
    assert lines[:3] == ["0 assets in progress", "", "No jobs are due."]


def test_messages_for_an_operator_have_a_command_as_remedy() -> None:
    messages = (
        UnhandledMessages(queue="fleet-dead", count=3, remedy="eddyline jobs redrive"),
        UnhandledMessages(queue="cards (parked)", count=0, remedy="eddyline parked --events cards"),
        UnhandledMessages(queue="gone", count=0, remedy="", error="access denied"),
    )
    lines = _lines(replace(_status(assets=0), messages=messages), 80)
    assert lines[-3:] == [
        "✗ about 3 messages in fleet-dead need an operator",
        "  what to do: eddyline jobs redrive",
        "! gone: access denied",
    ]
