"""HiLights with their own ranges, and faces."""

from __future__ import annotations

import numpy as np
import pytest

from eddyline.edit.highlights.marks import find_faces, hilight_events
from eddyline.edit.highlights.signals import Faces
from eddyline.gpmf.hilights import Hilight


@pytest.mark.parametrize(
    ("hilight", "expected"),
    [
        (Hilight(time_s=20, start_s=17, end_s=21), (17, 21)),
        (Hilight(time_s=20, start_s=0, end_s=0), (16, 20.5)),  # unknown
        (Hilight(time_s=20), (16, 20.5)),
        (Hilight(time_s=20, start_s=2, end_s=5), (16, 20.5)),  # elsewhere
        (Hilight(time_s=90, start_s=10, end_s=95), (86, 90.5)),  # too long
        (Hilight(time_s=1, start_s=0.5, end_s=3), (0.5, 3)),
        (Hilight(time_s=1), (0, 1.5)),
        (Hilight(time_s=99.9), (95.9, 100)),
    ],
)
def test_a_hilight_has_the_range_of_the_camera_or_a_usual_one(
    hilight: Hilight, expected: tuple[float, float]
) -> None:
    (event,) = hilight_events([hilight], 0.0, 100.0)
    assert (event.start_s, event.end_s) == pytest.approx(expected)
    assert event.score == 1.0


@pytest.mark.parametrize("time_s", [-1.0, 100.0, float("nan"), float("inf")])
def test_hilights_outside_the_video_are_left_out(time_s: float) -> None:
    assert hilight_events([Hilight(time_s=time_s)], 0.0, 100.0) == ()


@pytest.mark.parametrize(
    ("confidence", "score"), [(None, 0.8), (0.0, 0.8), (0.5, 0.4), (50.0, 0.4), (500.0, 0.8)]
)
def test_hilights_of_the_camera_score_by_their_confidence(confidence: float | None, score: float) -> None:
    (event,) = hilight_events([Hilight(time_s=5, kind="AIMU", confidence=confidence)], 0.0, 100.0)
    assert event.score == pytest.approx(score)


def faces(count: list[int], *, area: float = 0.05, smile: float = 0.0) -> Faces:
    number = np.array(count, np.float64)
    present = np.asarray(number > 0, np.float64)
    return Faces(times=np.arange(len(count)) / 10, count=number, area=present * area, smile=present * smile)


def test_a_face_is_visible_for_a_while() -> None:
    (event,) = find_faces(faces([0] * 10 + [1] * 12 + [0] * 3 + [2] * 5 + [0] * 20 + [1] * 3 + [0] * 5))
    assert (event.start_s, event.end_s) == pytest.approx((1.0, 3.0))
    assert event.values["faces"] == 2


def test_large_and_smiling_faces_score_higher() -> None:
    count = [0] * 10 + [1] * 20
    scores = [
        find_faces(faces(count, area=area, smile=smile))[0].score
        for area, smile in ((0.01, 0), (0.1, 0), (0.1, 1))
    ]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


def test_a_camera_that_reports_no_times_has_no_faces() -> None:
    assert find_faces(faces([])) == ()
