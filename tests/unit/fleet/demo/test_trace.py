"""Replays of recorded traces."""

from __future__ import annotations

import pytest

from eddyline.core.errors import UsageError
from eddyline.fleet.demo.trace import duration_s, parse_trace, replay
from eddyline.fleet.record.fold import fold


def test_a_replay_has_the_machines_of_the_trace() -> None:
    events = parse_trace(
        [["1000", "add", "node1"], ["61000", "add", "node2"], ["301000", "remove", "node1"]], "t"
    )
    assert duration_s(events) == 301
    history = replay(events, start=5000.0, instance_type="g4dn.xlarge", pool="gpu", vcpu=4, zone="")
    first, second = history.lives
    assert (first.launched, first.warned, first.terminated) == (5001, 5181, 5301)
    assert (second.launched, second.terminated, second.ended_by) == (5061, None, "")
    instance = fold([event for event in history.events() if event.instance == first.instance])
    assert (instance.ended_by, instance.pool, instance.lifecycle) == ("interruption", "gpu", "spot")


def test_a_node_may_be_added_again_after_its_removal() -> None:
    events = parse_trace([["0", "add", "n"], ["5", "remove", "n"], ["9", "add", "n"]], "t")
    history = replay(events, start=0.0, instance_type="", pool="gpu", vcpu=None, zone="")
    assert len({life.instance for life in history.lives}) == 2


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "empty"),
        ([["0", "add"]], "line 1: expected"),
        ([["x", "add", "n"]], "line 1: expected"),
        ([["-1", "add", "n"]], "line 1: expected"),
        ([["99999999999999", "add", "n"]], "line 1: expected"),
        ([["0", "start", "n"]], "line 1: expected"),
        ([["0", "add", "=cmd()"]], "line 1: expected"),
        ([["0", "add", "n"], ["1", "add", "n"]], "line 2: n is added twice"),
        ([["0", "remove", "n"]], "line 1: n is removed but does not run"),
        ([["5", "add", "n"], ["4", "add", "m"]], "line 2: the time is earlier"),
    ],
)
def test_an_invalid_trace_is_refused_with_its_line(lines: list[list[str]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_trace(lines, "t")
