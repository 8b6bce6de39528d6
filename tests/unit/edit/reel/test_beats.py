"""Beats are found in music with a pulse, and only there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from eddyline.edit.reel.beats import LONGEST_S, RATE, find_beats, onset_strength

Audio = npt.NDArray[np.float32]


def song(tempo: float, seconds: float = 30.0) -> tuple[Audio, npt.NDArray[np.float64]]:
    """Drums, off-beats and chords; and the times of its beats."""
    random = np.random.default_rng(3)
    audio = random.normal(0, 0.02, int(seconds * RATE))
    beats = np.arange(0.3, seconds - 0.3, 60 / tempo)
    length = int(0.12 * RATE)
    decay, times = np.exp(-np.arange(length) / RATE / 0.03), np.arange(length) / RATE
    for number, beat in enumerate(beats):
        at = int(beat * RATE)
        drum = np.sin(2 * np.pi * (60 if number % 2 == 0 else 180) * times)
        audio[at : at + length] += decay * (0.5 * drum + 0.2 * random.normal(0, 1, length))
        chord = audio[at : at + int(60 / tempo * RATE)]
        pitch = (220, 247, 262, 196)[number // 4 % 4]
        chord += 0.1 * np.sin(2 * np.pi * pitch * np.arange(len(chord)) / RATE)
        half = at + int(30 / tempo * RATE)
        if half + length < len(audio):
            audio[half : half + length] += 0.05 * decay * random.normal(0, 1, length)
    return (audio / np.abs(audio).max()).astype(np.float32), beats


@pytest.mark.parametrize("tempo", [75, 88, 100, 120, 128, 140])
def test_beats_of_music_are_found(tempo: float) -> None:
    audio, beats = song(tempo)
    found = find_beats(audio)
    assert found.tempo == pytest.approx(tempo, rel=0.01)
    errors = np.abs(found.times[:, None] - beats).min(axis=0)
    assert (errors < 0.03).mean() >= 0.95
    assert np.median(errors) < 0.01
    assert len(found.times) <= len(beats) + 2


def test_faster_and_slower_music_has_beats_at_a_multiple() -> None:
    audio, beats = song(62)
    found = find_beats(audio)
    assert found.tempo == pytest.approx(124, rel=0.01)
    assert (np.abs(found.times[:, None] - beats).min(axis=0) < 0.03).mean() >= 0.95


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "irregular", "short", "empty"])
def test_other_audio_has_no_beats(kind: str) -> None:
    random, count = np.random.default_rng(6), RATE * 20
    audio = np.zeros(count)
    if kind == "noise":
        audio = random.normal(0, 0.3, count)
    if kind == "tone":
        audio = 0.4 * np.sin(2 * np.pi * 110 * np.arange(count) / RATE)
    if kind == "irregular":
        at = 0
        while at < count - RATE:
            at += int(random.uniform(0.1, 1.5) * RATE)
            audio[at : at + 300] = random.normal(0, 0.5, len(audio[at : at + 300]))
    if kind in {"short", "empty"}:
        audio = audio[: RATE * (kind == "short")]
    found = find_beats(audio.astype(np.float32))
    assert (found.tempo, len(found.times)) == (0.0, 0)


def test_numbers_that_are_not_finite_are_silence() -> None:
    audio, _ = song(120, 10)
    audio[1000:2000] = np.nan
    audio[5000] = np.inf
    assert np.isfinite(onset_strength(audio)).all()
    assert find_beats(audio).tempo == pytest.approx(120, rel=0.02)


def test_long_music_is_analysed_in_part() -> None:
    audio = np.tile(song(120, 30)[0], 21)
    found = find_beats(audio)
    assert LONGEST_S - 2 < found.times[-1] <= LONGEST_S
