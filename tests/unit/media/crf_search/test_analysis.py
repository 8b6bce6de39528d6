"""Which run is probed again, and with which CRFs."""

from __future__ import annotations

from tests.unit.media.crf_search.rungs import probe, rung

from eddyline.media.crf_search.analysis import furthest_run, repeat_count, suggested_crfs
from eddyline.media.crf_search.probe import Probe
from eddyline.media.crf_search.probe_runs import Run
from eddyline.media.ladder.smart_settings import SmartSettings

RUNS = [Run(chunk=0, start=start, stop=start + 12) for start in (0, 100)]


def test_a_quarter_of_the_probes_may_repeat_runs() -> None:
    assert [repeat_count(count) for count in (1, 2, 4, 8, 12)] == [0, 1, 1, 2, 3]


def test_each_probe_has_the_crf_that_the_earlier_ones_suggest() -> None:
    settings = SmartSettings()
    assert suggested_crfs([rung(720)], settings, {"720p": []}) == {"720p": 22}
    easy = suggested_crfs([rung(720)], settings, {"720p": [probe(22, loss_at_22=3)]})
    assert 26 < easy["720p"] <= 30


def test_the_run_that_was_probed_furthest_from_the_choice_is_repeated() -> None:
    found = {"720p": [probe(22, loss_at_22=3, start=0), probe(28, loss_at_22=3, start=100)]}
    assert furthest_run(RUNS, found, {"720p": 29.0}) == RUNS[0]
    assert furthest_run(RUNS, found, {"720p": 22.5}) == RUNS[1]


def test_no_run_is_repeated_if_all_probes_are_close() -> None:
    found = {"720p": [probe(22, loss_at_22=7, start=0), probe(22.5, loss_at_22=7, start=100)]}
    assert furthest_run(RUNS, found, {"720p": 22.0}) is None


def test_a_probe_round_trips_through_json() -> None:
    one = probe(22.5, loss_at_22=7)
    assert Probe.from_json(one.to_json()) == one
