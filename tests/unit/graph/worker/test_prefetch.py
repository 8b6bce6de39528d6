from __future__ import annotations

from eddyline.graph.worker.prefetch import MAX_PREFETCH, SHORT_S, Prefetch

_SHORT = SHORT_S / 10


def _prefetching() -> Prefetch:
    """A limit that many short jobs have raised."""
    prefetch = Prefetch(2)
    for _ in range(20):
        prefetch.record([_SHORT])
    return prefetch


def test_nothing_is_prefetched_before_several_short_jobs_have_ended() -> None:
    prefetch = Prefetch(2)
    assert prefetch.limit == 0
    prefetch.record([_SHORT])
    assert prefetch.limit == 0


def test_the_limit_doubles_while_jobs_are_short_up_to_a_maximum() -> None:
    prefetch = Prefetch(2)
    prefetch.record([_SHORT] * 10)
    limits = [prefetch.limit]
    for _ in range(8):
        prefetch.record([_SHORT])
        limits.append(prefetch.limit)
    assert limits == [4, 8, 16, 32, 64, 128, 256, 256, 256]
    assert limits[-1] == MAX_PREFETCH


def test_a_long_job_ends_prefetching_and_many_short_ones_resume_it() -> None:
    prefetch = _prefetching()
    prefetch.record([_SHORT, 5.0])
    assert prefetch.limit == 0
    prefetch.record([_SHORT] * 10)
    assert prefetch.limit == 0
    prefetch.record([_SHORT] * 30)
    assert prefetch.limit == 4


def test_media_jobs_are_never_prefetched() -> None:
    prefetch = Prefetch(2)
    for _ in range(50):
        prefetch.record([0.04, 0.3, 90.0])
        assert prefetch.limit == 0


def test_a_reset_ends_prefetching() -> None:
    prefetch = _prefetching()
    prefetch.reset()
    prefetch.record([_SHORT])
    assert prefetch.limit == 0
