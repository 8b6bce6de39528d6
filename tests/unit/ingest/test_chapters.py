"""Chapters that arrive separately become one recording, in any order and with duplicates."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from tests.unit.ingest.test_arrivals import FakeIngest, created_event, raising

from eddyline.core.errors import TransientError
from eddyline.ingest.rules import Rules, load_rules

WAIT_S = 120.0
NAMES = ("GX010042.MP4", "GX020042.MP4", "GX030042.MP4")
KEYS = tuple(f"ann/{name}" for name in NAMES)
RECORDING = " + ".join(f"s3://cards/{key}" for key in KEYS)


class SteppingClock:
    """A clock that advances by a fixed step at each call."""

    def __init__(self, step_s: float) -> None:
        self._times = itertools.count(0.0, step_s)

    def __call__(self) -> float:
        return next(self._times)


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    path = tmp_path / "rules.yaml"
    path.write_text(f'rules:\n- when: {{key: "*/**"}}\n  owner: "{{1}}"\n  chapters_wait_s: {WAIT_S:.0f}\n')
    return load_rules(path)


def _ingest(rules: Rules, *keys: str, step_s: float = 30.0) -> FakeIngest:
    return FakeIngest(objects=dict.fromkeys(keys, "t"), rules=rules, now=SteppingClock(step_s))


@pytest.mark.parametrize("order", [*itertools.permutations(KEYS)])
def test_chapters_in_any_order_become_one_recording(rules: Rules, order: tuple[str, ...]) -> None:
    ingest = _ingest(rules, *KEYS)
    ingest.source.send(*(created_event(key) for key in order))
    ingest.run()
    assert set(ingest.addresses()) == {RECORDING}
    assert {options.owner for _, options in ingest.submitted} == {"ann"}
    assert not ingest.source.parked
    assert all("further chapters" in reason for reason in ingest.reasons("postponed"))
    assert ingest.source.delays
    assert all(
        0 < delay <= WAIT_S + 6 and not counts_as_attempt for delay, counts_as_attempt in ingest.source.delays
    )


def test_nothing_is_submitted_while_chapters_arrive(rules: Rules) -> None:
    ingest = _ingest(rules, KEYS[0], step_s=0.0)
    ingest.uploaded[KEYS[0]] = 0.0
    ingest.source.send(created_event(KEYS[0]))
    ingest.run(until=lambda: len(ingest.source.delays) > 3)
    assert not ingest.submitted


def test_duplicate_and_lost_messages_do_not_change_the_recording(rules: Rules) -> None:
    ingest, rng = _ingest(rules, *KEYS, step_s=7.0), random.Random(5)
    bodies = [created_event(key) for key in KEYS * 4]
    rng.shuffle(bodies)
    ingest.source.send(*bodies)
    for _ in range(3):
        ingest.source.receive(0)
        ingest.source.lose_receivers()
    ingest.run()
    assert set(ingest.addresses()) == {RECORDING}


def test_a_late_chapter_results_in_a_recording_of_all_chapters(rules: Rules) -> None:
    ingest = _ingest(rules, *KEYS[:2])
    ingest.source.send(created_event(KEYS[1]))
    ingest.run()
    later = _ingest(rules, *KEYS)
    later.source.send(created_event(KEYS[2]))
    later.run()
    assert ingest.addresses() == [" + ".join(f"s3://cards/{key}" for key in KEYS[:2])]
    assert later.addresses() == [RECORDING]


def test_chapters_after_a_gap_are_a_separate_recording(rules: Rules) -> None:
    ingest = _ingest(rules, KEYS[0], KEYS[2])
    ingest.source.send(created_event(KEYS[0]), created_event(KEYS[2]))
    ingest.run()
    assert sorted(ingest.addresses()) == [f"s3://cards/{KEYS[0]}", f"s3://cards/{KEYS[2]}"]


def test_files_that_are_chapters_by_name_only_stay_separate(rules: Rules) -> None:
    keys = [f"stranger/{name}" for name in NAMES]
    ingest = _ingest(rules, *keys)
    ingest.source.send(*(created_event(key) for key in keys))
    ingest.run()
    assert sorted(ingest.addresses()) == [f"s3://cards/{key}" for key in keys]


def test_the_comparison_of_chapters_is_retried_if_the_store_is_unavailable(rules: Rules) -> None:
    ingest = _ingest(rules, *KEYS)
    ingest.on_compare = raising(TransientError("the store is unavailable"))
    ingest.source.send(created_event(KEYS[0]))
    ingest.run()
    assert ingest.addresses() == [RECORDING]


def test_other_files_do_not_wait_for_chapters(rules: Rules) -> None:
    ingest = _ingest(rules, "ann/holiday.mp4", step_s=0.0)
    ingest.source.send(created_event("ann/holiday.mp4"))
    ingest.run()
    assert ingest.addresses() == ["s3://cards/ann/holiday.mp4"]
    assert not ingest.source.delays


def test_chapters_stay_separate_if_the_first_is_not_to_be_merged(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        'rules:\n- when: {key: "**/GX01*"}\n  ignore: not the first\ndefault: {chapters_wait_s: 9}\n'
    )
    ingest = _ingest(load_rules(path), *KEYS)
    ingest.source.send(*(created_event(key) for key in KEYS))
    ingest.run()
    assert sorted(ingest.addresses()) == [f"s3://cards/{key}" for key in KEYS[1:]]
    assert ingest.reasons("ignored") == ["not the first"]


CARD = ("ann/100GOPRO/GX010042.MP4", "ann/100GOPRO/GX020042.MP4", "ann/101GOPRO/GX030042.MP4")


@pytest.mark.parametrize("order", [*itertools.permutations(CARD)])
def test_chapters_in_the_next_directory_of_a_card_belong_to_the_recording(
    rules: Rules, order: tuple[str, ...]
) -> None:
    ingest = _ingest(rules, *CARD)
    ingest.source.send(*(created_event(key) for key in order))
    ingest.run()
    assert set(ingest.addresses()) == {" + ".join(f"s3://cards/{key}" for key in CARD)}


def test_a_recording_of_the_next_directory_stays_separate(rules: Rules) -> None:
    others = ("ann/101GOPRO/GX020042.MP4", *CARD[2:])
    ingest = _ingest(rules, *CARD[:2], *others)
    ingest.source.send(*(created_event(key) for key in (*CARD[:2], *others)))
    ingest.run()
    expected = {" + ".join(f"s3://cards/{key}" for key in keys) for keys in (CARD[:2], others)}
    assert set(ingest.addresses()) == expected


def test_chapters_of_one_directory_are_merged_without_unrelated_ones_of_the_next(
    rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = _ingest(rules, *CARD)
    monkeypatch.setattr(
        ingest, "are_one_recording", lambda found: len({each.rsplit("/", 1)[0] for each in found}) == 1
    )
    ingest.source.send(*(created_event(key) for key in CARD))
    ingest.run()
    assert set(ingest.addresses()) == {
        f"s3://cards/{CARD[0]} + s3://cards/{CARD[1]}",
        f"s3://cards/{CARD[2]}",
    }
