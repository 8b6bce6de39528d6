from __future__ import annotations

import numpy as np
import pytest

from eddyline.core.errors import UsageError
from eddyline.gpmf.export.resample import build_grid


def test_a_ramp_is_preserved_at_any_rate() -> None:
    source = np.arange(0.013, 10, 0.05)
    for rate in (1.0, 3.0, 20.0, 77.0):
        grid = build_grid(source, rate)
        assert np.allclose(grid.resample(3 * source + 1), 3 * grid.times + 1)
        assert np.allclose(grid.times * rate, np.rint(grid.times * rate))


def test_downsampling_averages_and_prevents_aliasing() -> None:
    source = np.arange(0, 10, 0.005)
    signal = np.sin(2 * np.pi * 50 * source)
    grid = build_grid(source, 10.0)
    assert np.abs(grid.resample(signal)[1:-1]).max() < 0.1


def test_gaps_are_not_filled() -> None:
    source = np.concatenate([np.arange(0, 2, 0.1), np.arange(8, 10, 0.1)])
    grid = build_grid(source, 10.0)
    assert not ((grid.times > 2.4) & (grid.times < 7.6)).any()


def test_longitudes_are_interpolated_across_the_180th_meridian() -> None:
    source = np.arange(5.0)
    grid = build_grid(source, 2.0)
    found = grid.resample_longitudes(np.array([179.8, 179.9, 180.0, -179.9, -179.8]))
    assert np.abs(found).min() > 179.7
    assert (np.abs(found) <= 180).all()


def test_an_empty_stream_has_an_empty_grid() -> None:
    assert len(build_grid(np.empty(0), 10.0).times) == 0


def test_an_enormous_grid_is_rejected() -> None:
    with pytest.raises(UsageError, match="lower rate"):
        build_grid(np.array([0.0, 1e9]), 1000.0)
