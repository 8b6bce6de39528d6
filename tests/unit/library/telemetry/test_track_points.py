from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eddyline.library.telemetry.track_points import shape


def test_a_short_track_is_complete() -> None:
    lat = np.linspace(46, 46.1, 20)
    assert shape(lat, lat, np.ones(20, bool), 20).tolist() == list(range(20))


def test_corners_and_both_ends_are_kept() -> None:
    """East for 517 samples, then north: the corner is sample 517."""
    lat = np.concatenate([np.zeros(517), np.arange(483) / 1e5])
    lon = np.concatenate([np.arange(517) / 1e5, np.full(483, 517 / 1e5)])
    kept = shape(lat, lon, np.ones(1000, bool), 30)
    assert {0, 999} <= set(kept.tolist())
    assert min(abs(kept - 517)) <= 1
    assert len(kept) <= 33


def test_a_wild_position_without_a_fix_does_not_shape_the_track() -> None:
    lat, lon = np.linspace(46, 46.1, 1000), np.full(1000, 13.0)
    good = np.ones(1000, bool)
    lat[503], good[503] = 0.0, False
    kept = shape(lat, lon, good, 20).tolist()
    assert {502, 503, 504} <= set(kept)  # the change is shown
    assert len(kept) <= 26


def test_a_track_without_a_fix_is_still_a_selection() -> None:
    kept = shape(np.zeros(1000), np.zeros(1000), np.zeros(1000, bool), 50)
    assert (kept[0], kept[-1]) == (0, 999)
    assert len(kept) <= 60


@given(
    st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.booleans()), min_size=1, max_size=200),
    st.integers(2, 40),
)
def test_any_track_gives_increasing_numbers_within_it(
    samples: list[tuple[float, float, bool]], points: int
) -> None:
    lat, lon, good = (np.array(each) for each in zip(*samples, strict=True))
    kept = shape(lat, lon, good.astype(bool), points)
    assert kept[0] == 0
    assert kept[-1] == len(samples) - 1
    assert (np.diff(kept) > 0).all()
    assert len(kept) <= 4 * points + 2
