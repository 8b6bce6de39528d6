"""The CRFs that the model finds reach the target on content that follows the model."""

from __future__ import annotations

from fractions import Fraction
from math import exp
from statistics import fmean

import pytest
from tests.unit.media.crf_search.rungs import probe, rung

from eddyline.media.crf_search.model import RungModel
from eddyline.media.crf_search.probe import Probe
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.smart_settings import SmartSettings

TARGET = SmartSettings()
GRID = Grid(gop=60, segment=120, fps=Fraction(30))


def _model(*probes: Probe, settings: SmartSettings = TARGET, codec: str = "h264") -> RungModel:
    encoder = {"h264": "libx264", "av1": "libsvtav1"}[codec]
    return RungModel(rung=rung(720, codec=codec, encoder=encoder), settings=settings, probes=probes)


def _loss(crf: float, at_22: float, growth: float = 0.14) -> float:
    return at_22 * exp(growth * (crf - 22))


def test_the_first_probe_has_the_crf_of_the_profile() -> None:
    assert _model().title_crf() == 22


@pytest.mark.parametrize("at_22", [3.0, 5.0, 7.0, 11.0])
def test_two_probes_find_the_crf_that_reaches_the_target(at_22: float) -> None:
    model = _model(probe(22, loss_at_22=at_22), probe(25, loss_at_22=at_22))
    (crf,) = model.chunk_crfs([0])
    assert _loss(crf, at_22) == pytest.approx(7, abs=0.25)


def test_the_slope_is_learned_from_a_run_that_was_probed_twice() -> None:
    steep = [probe(crf, loss_at_22=3, growth=0.2) for crf in (22, 28)]
    model = _model(*steep)
    assert 0.14 < model.growth < 0.2
    (crf,) = model.chunk_crfs([0])
    assert _loss(crf, 3, 0.2) == pytest.approx(7, abs=1)


def test_every_chunk_gets_a_crf_for_its_content() -> None:
    levels = {0: 3.0, 1: 7.0, 2: 12.0}
    probes = [
        probe(22, loss_at_22=loss, chunk=chunk, start=1000 * chunk + 100 * run)
        for chunk, loss in levels.items()
        for run in range(3)
    ]
    model = _model(*probes)
    crfs = model.chunk_crfs(list(levels))
    assert crfs[0] > crfs[1] > crfs[2]
    for crf, loss in zip(crfs, levels.values(), strict=True):
        assert _loss(crf, loss) == pytest.approx(7, abs=0.7)


def test_differences_that_may_be_chance_do_not_change_the_crf_of_a_chunk() -> None:
    probes = [probe(22, loss_at_22=7 + 0.5 * (run % 2), chunk=run % 2, start=100 * run) for run in range(4)]
    assert len(set(_model(*probes).chunk_crfs([0, 1]))) == 1


def test_a_chunk_without_a_run_gets_the_crf_of_the_title() -> None:
    model = _model(probe(22, loss_at_22=5, chunk=0))
    assert len(set(model.chunk_crfs([0, 1]))) == 1


def test_the_crf_stays_within_the_settings_and_the_steps_of_the_encoder() -> None:
    settings = SmartSettings(max_decrease=2, max_increase=3)
    easy = _model(probe(22, loss_at_22=0.4), settings=settings)
    assert easy.chunk_crfs([0]) == (25,)
    hard = _model(probe(22, loss_at_22=40), settings=settings)
    assert hard.chunk_crfs([0]) == (20,)
    (crf,) = _model(probe(24, loss_at_22=5.3), codec="av1").chunk_crfs([0])
    assert crf == int(crf)


def test_a_few_bad_frames_lower_the_crf_but_the_mean_stays_within_1_of_the_target() -> None:
    even = probe(22, loss_at_22=7)
    values = (*even.vmaf[:3], 75.0)
    mean = fmean(values)
    uneven = Probe(chunk=0, start=0, crf=22, vmaf=values, key_bits=even.key_bits, frame_bits=even.frame_bits)
    same_mean = Probe(
        chunk=0, start=0, crf=22, vmaf=(mean,) * 4, key_bits=even.key_bits, frame_bits=even.frame_bits
    )
    (low,) = _model(uneven).chunk_crfs([0])
    (usual,) = _model(same_mean).chunk_crfs([0])
    assert usual - 1.5 <= low < usual


def test_the_bitrate_is_that_of_whole_gops_at_the_chosen_crf() -> None:
    model = _model(probe(22, loss_at_22=7), probe(28, loss_at_22=7))
    at_22 = model.predicted_kbps({0: 22.0}, GRID)
    assert at_22 == pytest.approx((80_000 + 59 * 20_000) / 2 / 1000)
    assert model.predicted_kbps({0: 24.0}, GRID) < at_22
