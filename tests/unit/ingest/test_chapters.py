"""Chapters that arrive separately become one recording, in any order and with duplicates."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from tests.unit.ingest.test_arrivals import World, created, raising

from eddyline.core.errors import TransientError
from eddyline.ingest.rules import Rules, load_rules

WAIT_S = 120.0
NAMES = ("GX010042.MP4", "GX020042.MP4", "GX030042.MP4")
KEYS = tuple(f"ann/{name}" for name in NAMES)
WHOLE = " + ".join(f"s3://cards/{key}" for key in KEYS)


class Hours:
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


def _world(rules: Rules, *keys: str, step_s: float = 30.0) -> World:
    return World(objects=dict.fromkeys(keys, "t"), rules=rules, now=Hours(step_s))


@pytest.mark.parametrize("order", [*itertools.permutations(KEYS)])
def test_chapters_in_any_order_become_one_recording(rules: Rules, order: tuple[str, ...]) -> None:
    world = _world(rules, *KEYS)
    world.counter.send(*(created(key) for key in order))
    world.run()
    assert set(world.addresses()) == {WHOLE}
    assert {terms.owner for _, terms in world.submitted} == {"ann"}
    assert not world.counter.parked
    assert all("further chapters" in reason for reason in world.reasons("postponed"))
    assert world.counter.delays
    assert all(
        0 < delay <= WAIT_S + 6 and not counts_as_attempt for delay, counts_as_attempt in world.counter.delays
    )


def test_nothing_is_submitted_while_chapters_arrive(rules: Rules) -> None:
    world = _world(rules, KEYS[0], step_s=0.0)
    world.uploaded[KEYS[0]] = 0.0
    world.counter.send(created(KEYS[0]))
    world.run(until=lambda: len(world.counter.delays) > 3)
    assert not world.submitted


def test_duplicate_and_lost_messages_do_not_change_the_recording(rules: Rules) -> None:
    world, rng = _world(rules, *KEYS, step_s=7.0), random.Random(5)
    bodies = [created(key) for key in KEYS * 4]
    rng.shuffle(bodies)
    world.counter.send(*bodies)
    for _ in range(3):
        world.counter.receive(0)
        world.counter.lose_receivers()
    world.run()
    assert set(world.addresses()) == {WHOLE}


def test_a_late_chapter_results_in_a_recording_of_all_chapters(rules: Rules) -> None:
    world = _world(rules, *KEYS[:2])
    world.counter.send(created(KEYS[1]))
    world.run()
    later = _world(rules, *KEYS)
    later.counter.send(created(KEYS[2]))
    later.run()
    assert world.addresses() == [" + ".join(f"s3://cards/{key}" for key in KEYS[:2])]
    assert later.addresses() == [WHOLE]


def test_chapters_after_a_gap_are_a_separate_recording(rules: Rules) -> None:
    world = _world(rules, KEYS[0], KEYS[2])
    world.counter.send(created(KEYS[0]), created(KEYS[2]))
    world.run()
    assert sorted(world.addresses()) == [f"s3://cards/{KEYS[0]}", f"s3://cards/{KEYS[2]}"]


def test_files_that_are_chapters_by_name_only_stay_separate(rules: Rules) -> None:
    keys = [f"stranger/{name}" for name in NAMES]
    world = _world(rules, *keys)
    world.counter.send(*(created(key) for key in keys))
    world.run()
    assert sorted(world.addresses()) == [f"s3://cards/{key}" for key in keys]


def test_the_comparison_of_chapters_is_retried_if_the_store_is_unavailable(rules: Rules) -> None:
    world = _world(rules, *KEYS)
    world.comparing = raising(TransientError("the store is away"))
    world.counter.send(created(KEYS[0]))
    world.run()
    assert world.addresses() == [WHOLE]


def test_other_files_do_not_wait_for_chapters(rules: Rules) -> None:
    world = _world(rules, "ann/holiday.mp4", step_s=0.0)
    world.counter.send(created("ann/holiday.mp4"))
    world.run()
    assert world.addresses() == ["s3://cards/ann/holiday.mp4"]
    assert not world.counter.delays


def test_chapters_stay_separate_if_the_first_is_not_to_be_merged(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        'rules:\n- when: {key: "**/GX01*"}\n  ignore: not the first\ndefault: {chapters_wait_s: 9}\n'
    )
    world = _world(load_rules(path), *KEYS)
    world.counter.send(*(created(key) for key in KEYS))
    world.run()
    assert sorted(world.addresses()) == [f"s3://cards/{key}" for key in KEYS[1:]]
    assert world.reasons("ignored") == ["not the first"]


CARD = ("ann/100GOPRO/GX010042.MP4", "ann/100GOPRO/GX020042.MP4", "ann/101GOPRO/GX030042.MP4")


@pytest.mark.parametrize("order", [*itertools.permutations(CARD)])
def test_chapters_in_the_next_directory_of_a_card_belong_to_the_recording(
    rules: Rules, order: tuple[str, ...]
) -> None:
    world = _world(rules, *CARD)
    world.counter.send(*(created(key) for key in order))
    world.run()
    assert set(world.addresses()) == {" + ".join(f"s3://cards/{key}" for key in CARD)}


def test_a_recording_of_the_next_directory_stays_separate(rules: Rules) -> None:
    others = ("ann/101GOPRO/GX020042.MP4", *CARD[2:])
    world = _world(rules, *CARD[:2], *others)
    world.counter.send(*(created(key) for key in (*CARD[:2], *others)))
    world.run()
    expected = {" + ".join(f"s3://cards/{key}" for key in keys) for keys in (CARD[:2], others)}
    assert set(world.addresses()) == expected


def test_chapters_of_one_directory_are_merged_without_unrelated_ones_of_the_next(
    rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = _world(rules, *CARD)
    monkeypatch.setattr(world, "are_one", lambda found: len({each.rsplit("/", 1)[0] for each in found}) == 1)
    world.counter.send(*(created(key) for key in CARD))
    world.run()
    assert set(world.addresses()) == {
        f"s3://cards/{CARD[0]} + s3://cards/{CARD[1]}",
        f"s3://cards/{CARD[2]}",
    }
