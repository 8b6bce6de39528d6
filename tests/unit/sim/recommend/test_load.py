from __future__ import annotations

import json
from pathlib import Path

import pytest

from eddyline.core.errors import UsageError
from eddyline.sim.recommend import load as load_module
from eddyline.sim.recommend.load import MOST_ASSETS, daily_load, load_of
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.workload import Workload


def test_a_daily_load_has_the_clips_of_a_day() -> None:
    load = daily_load(20_000, frame_rate=30.0, work=1.0)
    assert load.clips_per_day == pytest.approx(20_000, rel=0.05)
    assert (load.parts, load.exact, load.end_s) == (1.0, False, 43_200.0)
    assert load.mean_slots == pytest.approx(load.workload.slots * load.workload.load, rel=0.1)
    small = daily_load(2000, frame_rate=30.0, work=1.0)
    assert small.exact
    assert small.mean_slots == pytest.approx(load.mean_slots / 10, rel=0.3)


def test_of_a_large_load_one_part_is_simulated() -> None:
    load = daily_load(1e6, frame_rate=60.0, work=2.0)
    assert load.parts == pytest.approx(5.0)
    assert not load.exact
    assert load.assets == pytest.approx(MOST_ASSETS, rel=0.1)
    assert load.clips_per_day == pytest.approx(1e6, rel=0.1)


def test_more_work_for_a_frame_needs_more_slots() -> None:
    one, two = (daily_load(1000, frame_rate=30.0, work=work).workload for work in (1.0, 2.0))
    assert two.slots == pytest.approx(2 * one.slots)


def test_a_workload_is_simulated_for_a_day_at_most() -> None:
    assert load_of(Workload(slots=5, hours=100)).end_s == 86_400.0
    assert load_of(Workload(slots=5, hours=2)).end_s == 7200.0


def recorded(tmp_path: Path, *at_s: float, chunks: int = 2) -> Workload:
    path = tmp_path / "arrivals.jsonl"
    lines = [json.dumps({"at_s": at, "chunks": [40.0] * chunks}) for at in at_s]
    path.write_text("\n".join(lines), "utf-8")
    return Workload(recorded=str(path))


def test_recorded_arrivals_last_until_the_hour_after_the_last(tmp_path: Path) -> None:
    load = load_of(recorded(tmp_path, 10.0, 7300.0))
    assert load.end_s == 10_800.0
    found = [each for each in load.arrivals(3) if isinstance(each, AssetArrival)]
    assert [each.at for each in found] == [10.0, 7300.0]


def test_of_many_recorded_arrivals_one_part_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "MOST_ASSETS", 50)
    load = load_of(recorded(tmp_path, *(float(each) for each in range(200)), chunks=1000))
    assert (load.parts, load.exact) == (4.0, False)
    assert 30 < load.assets < 70
    assert load.arrivals(1) is load.arrivals(1)


def test_a_load_without_assets_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no asset arrives"):
        load_of(recorded(tmp_path))
    with pytest.raises(UsageError, match="no asset arrives"):
        daily_load(1e-6, frame_rate=30.0, work=1.0)
