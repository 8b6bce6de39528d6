from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eddyline import gpmf

PayloadBuilder = Callable[..., bytes]


def test_each_scene_is_a_time_with_its_probabilities(payload: PayloadBuilder) -> None:
    steps = [[("SNOW", 0.25), ("URBA", 0.5)], [("ZZZZ", 1.0)]]
    stream = gpmf.stream("SCEN", "?", steps, complex_type="Ff", stepped=True, total=2)
    first, second = gpmf.read_payloads(payload([stream])).scenes
    assert (first.time_s, list(first.probabilities.items())) == (0.0, [("urban", 0.5), ("snow", 0.25)])
    assert second.time_s == pytest.approx(0.5005)
    assert second.probabilities == {"ZZZZ": 1.0}


def test_faces_of_older_cameras_are_read(payload: PayloadBuilder) -> None:
    steps = [[], [(7, 0.25, 0.5, 0.125, 0.0625)], [(7, 0.5, 0.5, 0.125, 0.0625), (8, 0.0, 0.0, 1.0, 1.0)]]
    stream = gpmf.stream("FACE", "?", steps, complex_type="Lf[4]", stepped=True, total=3)
    faces = gpmf.read_payloads(payload([stream])).faces
    assert [(face.id, face.x) for face in faces] == [(7, 0.25), (7, 0.5), (8, 0.0)]
    assert [face.time_s for face in faces] == pytest.approx([1.001 / 3, 2.002 / 3, 2.002 / 3])


def test_faces_of_newer_cameras_are_read(payload: PayloadBuilder) -> None:
    steps = [[(3, 90, 5, 32768, 16384, 8192, 4096, 75, 0)], []]
    scale = [1, 1, 1, 65536, 65536, 65536, 65536, 1, 1]
    stream = gpmf.stream("FACE", "?", steps, complex_type="BBSSSSSBB", scale=scale, stepped=True, total=2)
    (face,) = gpmf.read_payloads(payload([stream])).faces
    assert (face.id, face.x, face.y, face.width, face.height) == (5, 0.5, 0.25, 0.125, 0.0625)
    assert (face.confidence, face.smile, face.blink) == (0.9, 0.75, 0.0)


def test_an_unknown_layout_has_no_faces(payload: PayloadBuilder) -> None:
    stream = gpmf.stream("FACE", "?", [[(1, 2)], []], complex_type="BB", stepped=True)
    assert gpmf.read_payloads(payload([stream])).faces == ()


def test_a_recording_without_faces_and_scenes_has_none(ramp: PayloadBuilder) -> None:
    telemetry = gpmf.read_payloads(ramp([3]))
    assert not telemetry.faces
    assert not telemetry.scenes


def test_the_scenes_of_a_camera_file_have_six_classes_each(samples: Path) -> None:
    scenes = gpmf.read(samples / "max-heromode.mp4").scenes
    assert len(scenes) == 98
    assert {len(scene.probabilities) for scene in scenes} == {6}
    assert set(scenes[0].probabilities) == {"snow", "urban", "indoor", "water", "vegetation", "beach"}
