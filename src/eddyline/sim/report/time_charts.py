"""Charts over the time of the scenario: cost, capacity against load, interruptions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eddyline.sim.report.axis import Axis, Floats, elapsed_axis, linear_axis
from eddyline.sim.report.chart import Chart, Key, Panel
from eddyline.sim.report.decimate import kept_points
from eddyline.sim.report.fleet_series import FIELDS, FleetSeries, end_of
from eddyline.sim.report.plot import Curve, Kind, Plot, series_look

_HOUR_S = 3600.0
_COLUMNS, _PANEL_COLUMNS = 700, 400
_MOST_BINS = 72
_BINS = (
    (300.0, "5 minutes"),
    (900.0, "15 minutes"),
    (_HOUR_S, "hour"),
    (3 * _HOUR_S, "3 hours"),
    (6 * _HOUR_S, "6 hours"),
    (24 * _HOUR_S, "day"),
    (7 * 24 * _HOUR_S, "week"),
)


def cost_chart(runs: Mapping[str, FleetSeries], totals_usd: Mapping[str, float]) -> Chart:
    """What each policy has paid until each time, and in total."""
    x = elapsed_axis(end_of(runs))
    drawn = {name: each for name, each in runs.items() if len(each)}
    y = linear_axis(
        "US dollars", max((float(each["cost_usd"].max()) for each in drawn.values()), default=1.0)
    )
    ends = {name: _dollars(totals_usd[name]) for name in drawn}
    looks = {name: series_look(number) for number, name in enumerate(runs)}
    plot = Plot(
        name="cost-plot",
        title="Cost over time",
        description="Paid until the end: " + "; ".join(f"{name} {end}" for name, end in ends.items()) + ".",
        x=x,
        y=y,
        curves=[
            _curve(name, looks[name], "line", each, each["cost_usd"], (x, y), _COLUMNS)
            for name, each in drawn.items()
        ],
        labels=True,
    )
    return Chart(
        name="cost",
        title="Cost over time",
        text="What was paid until then by the list price, running instances included.",
        keys=tuple(Key(look=looks[name], kind="line", text=f"{name}: {end}") for name, end in ends.items()),
        panels=(Panel(heading="", plots=(plot,)),) if drawn else (),
        columns=("policy", "at_s", "cost_usd"),
        rows=[(row[0], row[1], row[7]) for name, each in runs.items() for row in each.rows(name)],
    )


def capacity_chart(runs: Mapping[str, FleetSeries]) -> Chart:
    """Capacity against load of each policy, on the same scales."""
    x = elapsed_axis(end_of(runs), title="")
    drawn = {name: each for name, each in runs.items() if len(each)}
    most = max((float(np.maximum(each.capacity, each["busy"]).max()) for each in drawn.values()), default=1.0)
    waiting = max((float(each["waiting"].max()) / _HOUR_S for each in drawn.values()), default=1.0)
    axes = (
        x,
        linear_axis("reference slots", most, parts=4),
        linear_axis("slot-hours waiting", waiting, parts=2),
    )
    return Chart(
        name="capacity",
        title="Capacity against load",
        text=(
            "Instances that boot or take jobs, and the slots that run jobs, in reference slots. Below: "
            "the work in the queue. All policies have the same scales."
        ),
        keys=(
            Key(look="spot", kind="area", text="Spot"),
            Key(look="on-demand", kind="area", text="On-Demand"),
            Key(look="booting", kind="hatch", text="of which boot"),
            Key(look="busy", kind="area", text="busy"),
            Key(look="waiting", kind="area", text="waiting"),
        ),
        panels=tuple(
            Panel(heading=name, plots=_capacity_plots(f"capacity-{number}", name, each, axes))
            for number, (name, each) in enumerate(drawn.items(), 1)
        ),
        columns=("policy", "at_s", *FIELDS[1:6]),
        rows=[row[:7] for name, each in runs.items() for row in each.rows(name)],
    )


def _capacity_plots(
    name: str, policy: str, run: FleetSeries, axes: tuple[Axis, Axis, Axis]
) -> tuple[Plot, Plot]:
    x, slots, waiting = axes
    capacity = run.capacity

    def curve(label: str, look: str, kind: Kind, values: Floats, base: Floats | None = None) -> Curve:
        return _curve(label, look, kind, run, values, (x, slots), _PANEL_COLUMNS, base=base)

    means = ", ".join(
        f"{text} {float(values.mean()):,.1f}"
        for text, values in (
            ("Spot", run["spot"]),
            ("On-Demand", run["on_demand"]),
            ("booting", run["booting"]),
            ("busy", run["busy"]),
        )
    )
    queue = run["waiting"] / _HOUR_S
    upper = Plot(
        name=name,
        title=f"{policy}: capacity against load",
        description=f"Means in reference slots: {means}; the most capacity is {float(capacity.max()):,.1f}.",
        x=x,
        y=slots,
        curves=(
            curve("Spot", "spot", "area", run["spot"]),
            curve("On-Demand", "on-demand", "area", capacity, run["spot"]),
            curve("booting", "booting", "hatch", capacity, capacity - run["booting"]),
            curve("busy", "busy", "area", run["busy"]),
        ),
        height=170,
        times=False,
    )
    lower = Plot(
        name=f"{name}-waiting",
        title=f"{policy}: work that waits",
        description=f"Slot-hours in the queue: mean {queue.mean():,.2f}, most {queue.max():,.2f}.",
        x=x,
        y=waiting,
        curves=(_curve("waiting", "waiting", "area", run, queue, (x, waiting), _PANEL_COLUMNS),),
        height=56,
    )
    return upper, lower


def interruption_chart(runs: Mapping[str, FleetSeries]) -> Chart:
    """The interruptions of each policy in intervals."""
    end_s = end_of(runs)
    x = elapsed_axis(end_s, title="")
    width, unit = next((each for each in _BINS if end_s / each[0] <= _MOST_BINS), _BINS[-1])
    edges: Floats = np.arange(int(np.ceil(end_s / width)) + 1, dtype=np.float64) * width
    counts = {name: _counts(each, edges) for name, each in runs.items() if len(each)}
    shown = {name: each for name, each in counts.items() if each.any()}
    y = linear_axis(
        f"interruptions in each {unit}",
        max((each.max() for each in shown.values()), default=1),
        parts=3,
        whole=True,
    )
    quiet = [name for name in counts if name not in shown]
    without = f" Without interruptions: {', '.join(quiet)}." if quiet else ""
    return Chart(
        name="interruptions",
        title="Interruptions",
        text=f"Spot Instances that the market reclaimed, in each {unit}.{without}",
        keys=(),
        panels=tuple(
            Panel(
                heading=f"{name}: {int(each.sum()):,}",
                plots=(
                    Plot(
                        name=f"interruptions-{number}",
                        title=f"{name}: interruptions",
                        description=f"{int(each.sum()):,} in all, at most {int(each.max()):,} in one {unit}.",
                        x=x,
                        y=y,
                        curves=(_bars(name, edges, each, (x, y)),),
                        height=90,
                    ),
                ),
            )
            for number, (name, each) in enumerate(shown.items(), 1)
        ),
        columns=("policy", "from_s", "interruptions"),
        rows=[
            (name, start, int(count))
            for name, each in counts.items()
            for start, count in zip(edges[:-1].tolist(), each.tolist(), strict=True)
        ],
    )


def _bars(name: str, edges: Floats, counts: Floats, axes: tuple[Axis, Axis]) -> Curve:
    x, y = axes
    places = np.minimum(x.scale(edges), 1.0)
    return Curve(name=name, look="spot", kind="bars", x=places, y=y.scale(np.append(counts, counts[-1])))


def _counts(run: FleetSeries, edges: Floats) -> Floats:
    """The interruptions between the edges: a sample says how many there were until then."""
    until = np.searchsorted(run["at"], edges[1:], side="right") - 1
    return np.diff(run["interruptions"][until], prepend=0.0)


def _curve(
    name: str,
    look: str,
    kind: Kind,
    run: FleetSeries,
    values: Floats,
    axes: tuple[Axis, Axis],
    columns: int,
    *,
    base: Floats | None = None,
) -> Curve:
    """A series of samples, with as many points as the width shows."""
    x, y = axes
    at = x.scale(run["at"])
    kept = kept_points(at, values, *(() if base is None else (base,)), columns=columns)
    return Curve(
        name=name,
        look=look,
        kind=kind,
        x=at[kept],
        y=y.scale(values[kept]),
        base=None if base is None else y.scale(base[kept]),
    )


def _dollars(value: float) -> str:
    return f"${value:,.0f}" if value >= 1000 else f"${value:,.2f}"  # noqa: PLR2004 - cents matter below
