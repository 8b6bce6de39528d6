"""A worker holds more and more jobs while all that it sees are short, and none that may be long."""

from __future__ import annotations

from eddyline.graph.worker.claim_ahead import SHORT_S, Pace

_SHORT = SHORT_S / 10
_LONG = SHORT_S * 10


def _quick(*kinds: str) -> Pace:
    """Of two slots that has seen enough short jobs of these kinds to hold many."""
    pace = Pace(2)
    for _ in range(6):
        pace.learn((kind, _SHORT) for kind in kinds)
    return pace


def test_what_is_held_doubles_with_every_round_of_short_jobs_up_to_a_bound() -> None:
    pace = Pace(2)
    held = []
    for _ in range(9):
        pace.learn([("probe", _SHORT)])
        held.append(pace.ahead)
    assert held == [4, 8, 16, 32, 64, 128, 256, 256, 256]


def test_a_long_job_ends_it() -> None:
    pace = _quick("probe")
    pace.learn([("probe", _SHORT), ("encode", _LONG)])
    assert pace.ahead == 0
    pace.learn([("probe", _SHORT)])
    assert pace.ahead == 4


def test_nothing_learned_changes_nothing() -> None:
    pace = _quick("probe")
    pace.learn([])
    assert pace.ahead == 128


def test_a_kind_never_seen_is_not_held_and_what_was_known_counts_again_once_it_is_seen_to_be_short() -> None:
    pace = _quick("probe")
    assert not pace.is_short("chunk")
    pace.refuse({"chunk"})
    assert pace.ahead == 0
    pace.learn([("chunk", _SHORT)])
    assert pace.is_short("chunk")
    assert pace.ahead == 128


def test_until_a_new_kind_is_seen_the_others_begin_anew() -> None:
    pace = _quick("probe")
    pace.refuse({"chunk"})
    pace.learn([("probe", _SHORT)])
    assert pace.ahead == 4
    pace.learn([("probe", _SHORT), ("chunk", _SHORT)])
    assert pace.ahead == 128


def test_a_new_kind_that_turns_out_long_ends_it() -> None:
    pace = _quick("probe")
    pace.refuse({"chunk"})
    pace.learn([("chunk", _LONG)])
    assert pace.ahead == 0
    pace.learn([("probe", _SHORT)])
    assert pace.ahead == 4


def test_a_kind_known_to_be_long_ends_it() -> None:
    pace = _quick("probe")
    pace.learn([("chunk", _LONG)])
    for _ in range(6):
        pace.learn([("probe", _SHORT)])
    pace.refuse({"chunk", "join"})
    pace.learn([("probe", _SHORT), ("join", _SHORT)])
    assert pace.ahead == 4


def test_jobs_that_waited_too_long_in_hand_end_it() -> None:
    pace = _quick("probe")
    pace.refuse({"chunk"})
    pace.stumble()
    pace.learn([("chunk", _SHORT)])
    assert pace.ahead == 4
