"""Charts of distributions: how long Spot Instances live, and how long assets take until they are ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from eddyline.fleet.dashboard.survival import Survival, survival_of
from eddyline.sim.engine.result import RunResult, percentile
from eddyline.sim.report.axis import (
    Axis,
    Floats,
    elapsed_axis,
    log_time_axis,
    nines_axis,
    share_axis,
)
from eddyline.sim.report.chart import Chart, Key, Panel
from eddyline.sim.report.plot import Curve, Plot, series_look

_POINTS = 500
_FIRST_SHARE = 0.002  # the time axis begins where this share is ready
_HOUR_S = 3600.0


def survival_chart(runs: Mapping[str, RunResult]) -> Chart:
    """The share of Spot Instances that are not interrupted until an age, of each policy."""
    looks = {name: series_look(number) for number, name in enumerate(runs)}
    curves = {name: _survival(run) for name, run in runs.items() if run.lives}
    least = min((each.points[-1].survival for each in curves.values() if each.points), default=0.99)
    longest = max((each.longest_s for each in curves.values()), default=1.0)
    x, y = (
        elapsed_axis(longest, title="age of the instance"),
        share_axis("share that is not interrupted", least),
    )
    texts = {
        name: f"{name}: {each.instances:,} launched, {each.interruptions:,} interrupted"
        for name, each in curves.items()
    }
    plot = Plot(
        name="survival-plot",
        title="Survival of Spot Instances",
        description="; ".join(texts.values()) + ".",
        x=x,
        y=y,
        curves=[_survival_curve(name, looks[name], each, (x, y)) for name, each in curves.items()],
    )
    return Chart(
        name="survival",
        title="Survival of Spot Instances",
        text=(
            "The share that the market has not reclaimed until an age (Kaplan-Meier). Instances that ended "
            f"otherwise are censored. The axis begins at {y.ticks[0][1]}."
        ),
        keys=tuple(Key(look=looks[name], kind="step", text=text) for name, text in texts.items()),
        panels=(Panel(heading="", plots=(plot,)),) if curves else (),
        columns=("policy", "age_s", "survival", "low", "high", "at_risk"),
        rows=[
            (name, point.age_s, point.survival, point.low, point.high, point.at_risk)
            for name, each in curves.items()
            for point in each.points
        ],
    )


def _survival(run: RunResult) -> Survival:
    ages = np.array([each.seconds for each in run.lives])
    return survival_of(ages, np.array([each.interrupted for each in run.lives]))


def _survival_curve(name: str, look: str, curve: Survival, axes: tuple[Axis, Axis]) -> Curve:
    x, y = axes
    ages = np.array([0.0, *(each.age_s for each in curve.points), curve.longest_s])
    shares = [1.0, *(each.survival for each in curve.points)]
    return Curve(
        name=name, look=look, kind="step", x=x.scale(ages), y=y.scale(np.array([*shares, shares[-1]]))
    )


def ready_chart(runs: Mapping[str, RunResult], deadlines_s: Sequence[float]) -> Chart:
    """The share of assets that are ready within a time, of each policy."""
    looks = {name: series_look(number) for number, name in enumerate(runs)}
    found = {name: run.ready_s for name, run in runs.items() if len(run.ready_s)}
    least = min((percentile(each, _FIRST_SHARE) for each in found.values()), default=1.0)
    most = max((float(each[-1]) for each in found.values()), default=1.0)
    marks = [each for each in deadlines_s if each > 0]
    x = log_time_axis("time from arrival to ready", min([least, *marks]), max([most * 1.05, *marks]))
    y = nines_axis("share of assets that are ready", 1 - 1 / max(map(len, found.values()), default=1))
    times = np.geomspace(max(least, 1.0), max(most, least, 1.0), _POINTS)
    texts = {
        name: f"{name}: p50 {duration(runs[name].p50_s)}, p99 {duration(runs[name].p99_s)}" for name in found
    }
    plot = Plot(
        name="ready-plot",
        title="Time to ready",
        description="; ".join(texts.values()) + ".",
        x=x,
        y=y,
        curves=[_ready_curve(name, looks[name], each, times, (x, y)) for name, each in found.items()],
        height=340,
        verticals=[(x.place(each), f"deadline {duration(each)}") for each in marks],
    )
    return Chart(
        name="ready",
        title="Time to ready",
        text=(
            "The share of assets that are ready within a time. The scale widens towards 100 %, so that "
            "the slowest one in a hundred is visible."
        ),
        keys=tuple(Key(look=looks[name], kind="line", text=text) for name, text in texts.items()),
        panels=(Panel(heading="", plots=(plot,)),) if found else (),
        columns=("policy", "within_s", "share"),
        rows=[
            (name, float(f"{at:.6g}"), float(f"{share:.6g}"))
            for name, each in found.items()
            for at, share in zip(times.tolist(), _shares(each, times).tolist(), strict=True)
        ],
    )


def _shares(ready_s: Floats, times: Floats) -> Floats:
    return np.searchsorted(ready_s, times, side="right") / len(ready_s)


def _ready_curve(name: str, look: str, ready_s: Floats, times: Floats, axes: tuple[Axis, Axis]) -> Curve:
    x, y = axes
    shares = _shares(ready_s, times)
    # From the first asset to the last one; beyond, all are ready.
    first, last = np.searchsorted(shares, [1e-12, 1.0])
    kept = slice(max(int(first) - 1, 0), int(last) + 1)
    return Curve(name=name, look=look, kind="line", x=x.scale(times[kept]), y=y.scale(shares[kept]))


def duration(seconds: float) -> str:
    """A time to ready in the unit in which it is read: "48 s", "12.5 min", "3.2 h"."""
    if seconds < 90:  # noqa: PLR2004 - up to a minute and a half
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / 60:.1f}".removesuffix(".0") + " min"
    return f"{seconds / _HOUR_S:.1f} h"
