from __future__ import annotations

import numpy as np
import pytest

from eddyline.sim.workload.arrivals import arrivals, iter_batches
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.asset_batch import batches_of
from eddyline.sim.workload.workload import Codec, Workload

WORKLOAD = Workload(slots=200, codecs={"h264": Codec(share=3), "hevc": Codec(factor=2)})


def test_generated_batches_are_the_assets_of_the_same_seed() -> None:
    single = arrivals(WORKLOAD, seed=4, end_s=7200.0)
    batches = list(iter_batches(WORKLOAD, seed=4, end_s=7200.0))
    assert np.concatenate([each.at for each in batches]).tolist() == [each.at for each in single]
    jobs = np.concatenate([each.jobs for each in batches])
    assert jobs.tolist() == [len(each.chunks) for each in single]
    work = float(jobs @ np.concatenate([each.weight for each in batches]))
    assert work == pytest.approx(sum(sum(each.chunks) for each in single), rel=0.01)


def test_the_spread_of_single_chunks_is_found() -> None:
    (batch,) = batches_of(arrivals(WORKLOAD, seed=4, end_s=3600.0))
    assert batch.spread == pytest.approx(WORKLOAD.chunk_sigma, rel=0.02)


def test_assets_without_chunks_are_left_out_and_one_chunk_has_no_spread() -> None:
    found = [
        AssetArrival(at=1.0, owner="", codec="", priority=0, chunks=()),
        AssetArrival(at=2.0, owner="", codec="", priority=0, chunks=(0.0,)),
        AssetArrival(at=3.0, owner="", codec="", priority=0, chunks=(30.0,)),
    ]
    (batch,) = batches_of(found)
    assert batch.at.tolist() == [2.0, 3.0]
    assert batch.weight[0] > 0
    assert batch.spread == 0
    assert list(batches_of(found[:1])) == []
