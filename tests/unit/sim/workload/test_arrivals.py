import itertools
import statistics
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest

from eddyline.core.errors import UsageError
from eddyline.sim.workload.arrivals import arrivals, iter_arrivals
from eddyline.sim.workload.asset_arrival import AssetArrival, arrivals_per_step
from eddyline.sim.workload.generated import chunk_counts, mean_minutes
from eddyline.sim.workload.workload import Sizes, Workload

HOUR_S = 3600.0


def found_in(hours: float, *, seed: int = 1, **keys: Any) -> list[AssetArrival]:
    return arrivals(Workload.model_validate(keys), seed=seed, end_s=hours * HOUR_S)


def work_of(found: list[AssetArrival]) -> float:
    return sum(sum(each.chunks) for each in found)


def test_equal_seeds_give_equal_arrivals_and_others_do_not() -> None:
    assert found_in(2) == found_in(2)
    assert found_in(2) != found_in(2, seed=2)


def test_arrivals_are_sorted_and_within_the_scenario() -> None:
    found = found_in(1.51, shape="daily", bursts={"every_h": 0.5})
    times = [each.at for each in found]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < 1.51 * HOUR_S


def test_arrivals_one_after_the_other_are_the_same() -> None:
    workload = Workload.model_validate({"shape": "daily"})
    assert list(iter_arrivals(workload, seed=7, end_s=9000.0)) == arrivals(workload, seed=7, end_s=9000.0)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"load": 0.9, "chunk_s": 120, "chunk_sigma": 0.8},
        {"shape": "weekly", "bursts": {"every_h": 5, "factor": 10}, "sizes": {"sigma": 2}},
        {"codecs": {"h264": {"share": 3}, "hevc": {"factor": 2}, "av1": {"factor": 4}}},
        {"sizes": {"sigma": 0, "most_minutes": 1.5}, "encode_speed": 11},
    ],
)
def test_the_mean_work_is_the_load_of_the_slots(keys: dict[str, Any]) -> None:
    # 2000 slots for a day and a half: the standard error is about 0.4 %.
    workload = Workload.model_validate({"slots": 2000, **keys})
    work = work_of(list(iter_arrivals(workload, seed=5, end_s=36 * HOUR_S)))
    assert work / (workload.slots * workload.load * 36 * HOUR_S) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("median", "sigma", "most"), [(1.5, 1.1, 60.0), (2.0, 0.0, 5.0), (3.0, 2.5, 4.0)])
def test_the_mean_length_of_sources_is_that_of_a_sample(median: float, sigma: float, most: float) -> None:
    drawn = np.random.default_rng(1).lognormal(np.log(median), sigma, 400_000)
    sizes = Sizes(median_minutes=median, sigma=sigma, most_minutes=most)
    assert mean_minutes(sizes) == pytest.approx(np.minimum(drawn, most).mean(), rel=0.01)


def test_arrivals_are_a_poisson_process() -> None:
    found = found_in(48, slots=100)
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(found)]
    # The gaps of a Poisson process have a standard deviation equal to their mean.
    assert statistics.stdev(gaps) / statistics.mean(gaps) == pytest.approx(1, abs=0.03)


def test_the_rate_of_arrivals_follows_the_curve() -> None:
    found = found_in(24, slots=2000, shape="daily", peak_to_mean={"day": 3}, peak_at={"day_h": 12})
    by_hour = Counter(int(each.at // HOUR_S) for each in found)
    assert by_hour[11] / (len(found) / 24) == pytest.approx(3, rel=0.05)


def test_chunks_are_about_as_long_as_chunk_s() -> None:
    found = found_in(6, chunk_s=40, chunk_sigma=0.2)
    times = [time for each in found if len(each.chunks) > 10 for time in each.chunks]
    assert statistics.mean(times) == pytest.approx(38.7, abs=1)
    assert statistics.stdev(times) == pytest.approx(0.2 * 38.7, abs=0.8)


def test_no_chunk_is_planned_longer_than_chunk_s() -> None:
    assert chunk_counts(np.array([0.5, 40, 40.5, 80, 81]), 40.0).tolist() == [1, 1, 2, 2, 3]


def test_lengths_of_sources_have_their_median_and_maximum() -> None:
    found = found_in(24, slots=1000, encode_speed=60, chunk_sigma=0, sizes={"sigma": 1.5})
    minutes = [sum(each.chunks) / 60 for each in found]
    assert statistics.median(minutes) == pytest.approx(1.5, rel=0.05)
    assert max(minutes) == pytest.approx(60)


def test_codecs_and_owners_have_their_shares_and_priorities() -> None:
    found = found_in(
        24,
        slots=1000,
        codecs={"h264": {"share": 3}, "av1": {"share": 1, "factor": 2}},
        owners={"count": 10, "zipf": 1.0, "priorities": [0, 100]},
    )
    codecs = Counter(each.codec for each in found)
    assert codecs["h264"] / len(found) == pytest.approx(0.75, abs=0.02)
    owners = Counter(each.owner for each in found)
    assert owners["owner-01"] / owners["owner-02"] == pytest.approx(2, rel=0.1)
    assert owners["owner-01"] / owners["owner-05"] == pytest.approx(5, rel=0.15)
    assert {(each.owner, each.priority) for each in found} == {
        (f"owner-{number:02d}", 100 * ((number - 1) % 2)) for number in range(1, 11)
    }


def test_a_slow_codec_gets_more_chunks_not_longer_ones() -> None:
    found = found_in(
        24, chunk_sigma=0, codecs={"h264": {}, "av1": {"factor": 4}}, sizes={"sigma": 0, "median_minutes": 4}
    )
    counts = {each.codec: len(each.chunks) for each in found}
    assert counts == {"h264": 17, "av1": 66}


def test_too_many_chunks_are_refused() -> None:
    with pytest.raises(UsageError, match="at most 5e"):
        found_in(24 * 30, slots=100_000)
    with pytest.raises(UsageError, match="chunks in an hour"):
        next(iter_arrivals(Workload(slots=1e7, load=10.0), seed=1, end_s=HOUR_S))


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UsageError, match="the seed is -1"):
        found_in(1, seed=-1)


def test_the_work_of_each_step_is_summed() -> None:
    found = [
        AssetArrival(0.0, "", "h264", 0, (1.0, 2.0)),
        AssetArrival(59.9, "", "h264", 0, (4.0,)),
        AssetArrival(120.0, "", "h264", 0, (8.0,)),
    ]
    assert arrivals_per_step(found, end_s=150.0).tolist() == [7, 0, 8]
    assert arrivals_per_step(found, end_s=150.0, step_s=150.0).tolist() == [15]


def test_an_arrival_after_the_end_is_refused() -> None:
    with pytest.raises(UsageError, match="an asset arrives at 60 s"):
        arrivals_per_step([AssetArrival(60.0, "", "h264", 0, (1.0,))], end_s=60.0)


def test_half_a_million_chunks_a_second_are_generated() -> None:
    workload = Workload(slots=5000.0)
    start = time.process_time()
    chunks = sum(len(each.chunks) for each in iter_arrivals(workload, seed=1, end_s=6 * HOUR_S))
    assert chunks / (time.process_time() - start) > 500_000
