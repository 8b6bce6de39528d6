"""Events are found where they were planted, and nowhere else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.unit.edit.highlights.planted import PAYLOAD_S, Recording, overlap, random_recording

from eddyline import gpmf
from eddyline.edit.highlights.detect import find_events
from eddyline.edit.highlights.events import KINDS, Event
from eddyline.edit.highlights.loudness import measure_levels
from eddyline.edit.highlights.segments import SegmentLength, make_segments
from eddyline.edit.highlights.signals import Signals, read_signals

FAULTS = (
    (),
    ("vibration",),
    ("lost fix",),
    ("wrong units",),
    ("no units", "vibration"),
    ("damaged samples",),
    ("empty payloads", "no accl"),
    ("no gps",),
    ("no gyro", "no face", "no audio", "lost fix"),
)


@pytest.fixture(scope="module")
def recordings() -> list[tuple[Recording, Signals, tuple[Event, ...]]]:
    made = []
    for seed, faults in enumerate(FAULTS):
        recording = random_recording(seed, faults)
        signals = recording.signals()
        made.append((recording, signals, find_events(signals)))
    return made


def test_planted_events_are_found(
    recordings: list[tuple[Recording, Signals, tuple[Event, ...]]],
) -> None:
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for recording, _, events in recordings:
        for each in recording.planted:
            planted[each.kind] += 1
            same = [event for event in events if event.kind == each.kind]
            found[each.kind] += any(overlap(each, event.start_s, event.end_s) >= 0.5 for event in same)
    assert set(planted) == set(KINDS)
    assert min(planted.values()) >= 4
    assert found.total() >= 0.95 * planted.total()
    assert all(found[kind] >= 0.9 * count for kind, count in planted.items())


def test_few_events_are_found_that_were_not_planted(
    recordings: list[tuple[Recording, Signals, tuple[Event, ...]]],
) -> None:
    for recording, _, events in recordings:
        planted = Counter(each.kind for each in recording.planted)
        # Hard braking is planted after a burst of speed.
        planted["speed"] += planted["braking"]
        found = Counter(event.kind for event in events)
        assert all(found[kind] <= planted[kind] for kind in found), (recording.faults, found, planted)


def test_a_segment_contains_each_planted_event(
    recordings: list[tuple[Recording, Signals, tuple[Event, ...]]],
) -> None:
    for recording, signals, events in recordings:
        segments = make_segments(events, signals.start_s, signals.end_s, SegmentLength())
        for each in recording.planted:
            middle = (each.start_s + each.end_s) / 2
            around = [segment for segment in segments if segment.start_s <= middle < segment.end_s]
            kinds = {event.kind for segment in around for event in segment.events}
            assert each.kind in kinds, (recording.faults, each)


def test_equal_input_gives_equal_events() -> None:
    found = []
    for _ in range(2):
        recording = Recording(seed=3, seconds=30)
        recording.plant("airtime", 8.0, 8.6, 0.5)
        recording.plant("spin", 14.0, 15.5, 0.5)
        recording.plant("loudness", 20.0, 21.0, 0.5)
        found.append(find_events(recording.signals()))
    first, second = found
    assert len(first) == 3
    assert [each.to_json() for each in first] == [each.to_json() for each in second]


@pytest.mark.parametrize("strength", [0.0, 0.02, 0.2])
def test_noise_of_a_camera_that_stands_still_gives_no_event(strength: float) -> None:
    random = np.random.default_rng(5)
    recording = Recording(seed=1, seconds=60)
    recording.rotation = random.normal(0, strength * 20, recording.rotation.shape)
    recording.speed = np.abs(random.normal(0, 0.3 + strength, len(recording.speed)))
    signals = recording.signals()
    assert signals.accelerometer is not None
    assert find_events(signals) == ()


def test_real_recordings_have_no_airtime_and_few_events(samples: Path) -> None:
    paths = [*samples.glob("*.mp4"), *samples.glob("gpmf/*.gpmf"), *samples.glob("gpmf/*.raw")]
    assert len(paths) >= 10
    for path in paths:
        telemetry = gpmf.read(path, lenient=True)
        signals = read_signals(telemetry, start_s=0.0, end_s=telemetry.duration_s)
        found = Counter(event.kind for event in find_events(signals))
        assert found["airtime"] == found["spin"] == found["braking"] == 0, path.name
        assert found.total() <= 1 + telemetry.duration_s / 3, path.name
        assert signals.warnings == (), path.name


def test_the_crash_in_a_real_recording_is_an_impact(samples: Path) -> None:
    telemetry = gpmf.read(samples / "gpmf" / "hero7.raw")
    events = find_events(read_signals(telemetry, start_s=0.0, end_s=telemetry.duration_s))
    strongest = max(events, key=lambda each: each.score)
    assert strongest.kind == "impact"
    assert strongest.values["peak_g"] == pytest.approx(60.43 / 9.80665 - 1, abs=0.01)


def test_events_outside_the_video_are_left_out() -> None:
    recording = Recording(seed=2, seconds=30)
    recording.plant("airtime", 5.0, 6.0, 1.0)
    recording.plant("airtime", 20.0, 21.0, 1.0)
    telemetry = gpmf.read_payloads(recording.payloads())
    (event,) = find_events(read_signals(telemetry, start_s=10.0, end_s=25.0))
    assert event.start_s == pytest.approx(20.0, abs=0.05)


def test_a_recording_without_telemetry_and_audio_has_no_events() -> None:
    assert find_events(read_signals(None, start_s=0.0, end_s=10.0)) == ()


def test_a_recording_of_length_zero_has_no_events() -> None:
    levels = measure_levels(np.zeros(0, np.float32), 8000)
    assert find_events(read_signals(None, start_s=0.0, end_s=0.0, levels=levels)) == ()
    empty = gpmf.stream("ACCL", "s", np.zeros((0, 3)), scale=[418], total=0)
    telemetry = gpmf.read_payloads(gpmf.serialize([gpmf.device(1, "Camera", [empty])]), lenient=True)
    assert find_events(read_signals(telemetry, start_s=0.0, end_s=PAYLOAD_S)) == ()


def test_numbers_of_any_size_are_read() -> None:
    random = np.random.default_rng(9)
    streams = []
    for key, columns in (("ACCL", 3), ("GYRO", 3), ("GPS5", 5), ("FCNM", 1)):
        values = random.choice([np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, 5e-324], (500, columns))
        streams.append(gpmf.stream(key, "d", values, total=500))
    telemetry = gpmf.read_payloads(gpmf.serialize([gpmf.device(1, "Camera", streams)]), lenient=True)
    events = find_events(read_signals(telemetry, start_s=0.0, end_s=PAYLOAD_S))
    assert all(0 <= event.score <= 1 for event in events)
