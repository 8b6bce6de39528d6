from __future__ import annotations

import itertools

import pytest

from eddyline.graph.states import (
    FAILED,
    MEANING,
    OPEN,
    TRANSITIONS,
    Event,
    IllegalTransition,
    State,
    advance,
    legend,
    mermaid,
)


def test_a_transition_that_is_not_in_the_table_is_rejected() -> None:
    for state, event in itertools.product(State, Event):
        if (state, event) in TRANSITIONS:
            assert advance(state, event) is TRANSITIONS[state, event]
        else:
            with pytest.raises(IllegalTransition, match=f"a {state} job cannot {event}"):
                advance(state, event)


def test_no_transition_leaves_done() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] is State.DONE]


def test_every_state_is_reachable_and_every_event_is_used_and_explained() -> None:
    reached = {State.WAITING}
    for _ in State:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event) == set(MEANING)


def test_every_state_is_open_failed_or_done() -> None:
    assert OPEN | FAILED | {State.DONE} == set(State)
    assert not OPEN & FAILED


def test_every_open_state_can_be_cancelled() -> None:
    assert all(advance(state, Event.CANCEL) is State.CANCELLED for state in OPEN)


def test_the_diagram_has_an_arrow_for_every_transition() -> None:
    diagram = mermaid()
    assert diagram.startswith("stateDiagram-v2\n")
    for (before, event), after in TRANSITIONS.items():
        line = next(line for line in diagram.splitlines() if f" {before} --> {after}:" in line)
        assert event in line.split(": ")[1].split(", ")


def test_the_legend_has_a_row_for_every_event() -> None:
    assert len(legend().splitlines()) == 2 + len(Event)
