"""The largest reclaim in five minutes, and the time to replacement."""

from __future__ import annotations

from tests.unit.fleet.dashboard.fleets import columns_of

from eddyline.fleet.dashboard.reclaims import largest_reclaim, replacements
from eddyline.fleet.dashboard.window import Window
from eddyline.graph.instance import Instance

WINDOW = Window(start=10_000.0, stop=50_000.0, step_s=3600)


def interrupted(name: str, at: float, *, warned: bool = True, pool: str = "cpu") -> Instance:
    return Instance(
        instance=name,
        pool=pool,
        zone="us-east-1a",
        lifecycle="spot",
        vcpu=4,
        launched=1000.0,
        warned_at=at if warned else None,
        terminated=at + 120 if warned else at,
        ended_by="interruption",
    )


def launched(name: str, at: float, pool: str = "cpu") -> Instance:
    return Instance(instance=name, pool=pool, lifecycle="on-demand", launched=at)


def test_the_largest_reclaim_counts_notices_within_five_minutes() -> None:
    found = largest_reclaim(
        columns_of(
            [
                interrupted("i-1", 20_000),
                interrupted("i-2", 20_300),
                interrupted("i-3", 20_301),
                interrupted("i-4", 20_250, warned=False),
                interrupted("i-5", 30_000),
            ]
        ),
        WINDOW,
    )
    assert found is not None
    # Both 20,000 to 20,300 and 20,250 to 20,301 have three.
    assert (found.start, found.instances, found.vcpu) == (20_000, 3, 12)
    assert (found.pools, found.zones) == (("cpu",), ("us-east-1a",))


def test_scale_ins_are_not_reclaimed() -> None:
    ended = Instance(
        instance="i", pool="cpu", lifecycle="spot", launched=1.0, terminated=20_000.0, ended_by="scale-in"
    )
    assert largest_reclaim(columns_of([ended]), WINDOW) is None


def test_each_launch_replaces_one_interruption_of_its_pool() -> None:
    found = replacements(
        columns_of(
            [
                interrupted("i-1", 20_000),
                interrupted("i-2", 20_010),
                interrupted("i-3", 20_020),
                launched("i-4", 20_015),
                launched("i-5", 20_090),
                launched("i-6", 20_030, pool="gpu"),
            ]
        ),
        WINDOW,
        now=60_000.0,
    )
    assert (found.seconds.count, found.seconds.p50, found.seconds.max) == (2, 15, 80)
    assert found.missing == 1


def test_a_launch_an_hour_later_is_not_a_replacement_and_a_recent_interruption_may_still_get_one() -> None:
    machines = columns_of([interrupted("i-1", 20_000), launched("i-2", 23_601), interrupted("i-3", 48_000)])
    assert replacements(machines, WINDOW, now=50_000.0).missing == 1
    assert replacements(machines, WINDOW, now=60_000.0).missing == 2


def test_an_interruption_before_the_window_uses_up_its_launch() -> None:
    machines = columns_of([interrupted("i-1", 9_800), interrupted("i-2", 9_900), launched("i-3", 9_950)])
    # i-1 ended at 9,920, before the window; the launch replaces it, not i-2, which ended within.
    found = replacements(machines, WINDOW, now=60_000.0)
    assert (found.seconds.count, found.missing) == (0, 1)
