"""Offset and drift between two recordings of the same audio are measured to well under a frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from eddyline.core.errors import InputError
from eddyline.media.audio.drift import RATE, measure_drift

Audio = npt.NDArray[np.float32]


def bursts(seconds: float, seed: int = 4) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    audio = np.zeros(int(seconds * RATE))
    at = 0.1
    while at < seconds - 0.4:
        size = int(RATE * rng.uniform(0.02, 0.25))
        start = int(at * RATE)
        audio[start : start + size] += rng.standard_normal(size) * rng.uniform(0.05, 0.4) * np.hanning(size)
        at += rng.uniform(0.1, 0.6)
    return audio


def record(recording: npt.NDArray[np.float64], start: float, ppm: float, seconds: float, seed: int) -> Audio:
    rng = np.random.default_rng(seed)
    times = start + np.arange(int(seconds * RATE)) / RATE / (1 + ppm / 1e6)
    samples = np.interp(times * RATE, np.arange(len(recording)), recording)
    return (samples + rng.standard_normal(len(samples)) * 0.005).astype(np.float32)


@pytest.mark.parametrize(("start", "ppm"), [(1.25, 0.0), (3.5, 150.0), (2.0, -80.0)])
def test_offset_and_drift_are_measured_to_a_fraction_of_a_millisecond(start: float, ppm: float) -> None:
    recording = bursts(46)
    found = measure_drift(record(recording, 2.0, 0.0, 38, 1), record(recording, start, ppm, 40, 2))
    assert abs(found.offset_s - (start - 2.0)) < 0.0005
    assert abs(found.ppm - ppm) < 12
    assert found.points >= 10


def test_a_drift_below_its_uncertainty_is_not_significant() -> None:
    recording = bursts(20)
    assert not measure_drift(
        record(recording, 1.0, 0.0, 15, 1), record(recording, 1.5, 0.0, 15, 2)
    ).significant


def test_different_recordings_are_rejected() -> None:
    with pytest.raises(InputError, match="too few matching sections"):
        measure_drift(bursts(20, 1).astype(np.float32), bursts(20, 2).astype(np.float32))


def test_a_constant_tone_is_rejected() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 997 * np.arange(10 * RATE) / RATE)).astype(np.float32)
    with pytest.raises(InputError):
        measure_drift(tone, tone)


def test_recordings_too_short_to_compare_are_rejected() -> None:
    with pytest.raises(InputError, match="short"):
        measure_drift(np.ones(100, np.float32), np.ones(100, np.float32))
