"""CloudWatch alarms as values: those that run scaling policies, and those that notify an operator.

Alarms that run a scaling policy treat missing data as `notBreaching`: two minutes after the last data they
run nothing more, so that capacity stays as it is. `breaching` would run the policy every minute ("For Amazon
EC2 Auto Scaling actions, the alarm continues to invoke the action for every period that the alarm remains in
the new state"), and with `missing` an alarm of five periods would go on for seven minutes ("CloudWatch alarms
may repeatedly re-evaluate the last set of data points for a period of time after the metric has stopped
flowing"; both from the Amazon CloudWatch User Guide, "Using Amazon CloudWatch alarms"). A separate alarm
notifies when the metrics stop; that one treats missing data as `breaching`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eddyline.fleet.scaling import metric_names
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.metric_names import PERIOD_S, PoolMetric

Missing = Literal["missing", "notBreaching", "breaching", "ignore"]

GIVE_BACK_PERIODS = 5
"""Minutes for which more than the wanted capacity must be in service before on-demand is given back."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm. The value is `expression` over `metrics`, by their ids, or the only metric if it is empty.

    `metrics` are pairs of an id and a metric with the dimensions Prefix and Pool. It is in ALARM if the value
    is `above` (or, with `or_equal`, at) `threshold` in `datapoints` of the last `periods` periods of
    `period_s` seconds; with `above` false: below it. `scaling` is the policy that it runs (empty: it
    notifies).
    """

    name: str
    metrics: tuple[tuple[str, PoolMetric], ...]
    expression: str = ""
    above: bool = True
    or_equal: bool = False
    threshold: float
    period_s: int = PERIOD_S
    periods: int = 1
    datapoints: int = 1
    missing: Missing
    scaling: str = ""
    namespace: str = metric_names.NAMESPACE

    @property
    def comparison(self) -> str:
        """The comparison operator by its CloudWatch name."""
        order = "Greater" if self.above else "Less"
        return f"{order}ThanOrEqualToThreshold" if self.or_equal else f"{order}ThanThreshold"

    def breaches(self, value: float) -> bool:
        """Whether a value breaches the threshold."""
        if value == self.threshold:
            return self.or_equal
        return (value > self.threshold) is self.above


def from_zero(bounds: Bounds) -> Alarm:
    """Capacity is wanted while no Spot vCPU is in service: one period, that is, within one minute."""
    return Alarm(
        name="spot-from-zero",
        metrics=(("wanted", metric_names.WANTED), ("spot", metric_names.SPOT_IN_SERVICE)),
        expression=f"IF(spot > 0, 0, wanted - {bounds.on_demand_min})",
        threshold=0.0,
        missing="notBreaching",
        scaling="spot-from-zero",
    )


def on_demand_out(bounds: Bounds) -> Alarm:
    """Spot has been missing for the pool's bound, and a job has been due for as long."""
    return Alarm(
        name="od-out",
        metrics=(("shortfall", metric_names.SPOT_SHORTFALL), ("age", metric_names.OLDEST_DUE_JOB)),
        expression=f"IF(age >= {bounds.on_demand_after_s:g}, shortfall, 0)",
        threshold=0.0,
        missing="notBreaching",
        scaling="od-out",
    )


def on_demand_in(bounds: Bounds) -> Alarm:
    """At least one instance more than wanted has been in service for some minutes.

    Target tracking needs 15 minutes for a scale-in: on-demand is given back before Spot is.
    """
    return Alarm(
        name="od-in",
        metrics=(("in_service", metric_names.IN_SERVICE), ("wanted", metric_names.WANTED)),
        expression="in_service - wanted",
        or_equal=True,
        threshold=float(bounds.machine_vcpu),
        periods=GIVE_BACK_PERIODS,
        datapoints=GIVE_BACK_PERIODS,
        missing="notBreaching",
        scaling="od-in",
    )


def notifications(bounds: Bounds) -> tuple[Alarm, ...]:
    """The alarms that notify an operator."""
    launch_failures = PoolMetric(name="LaunchFailures", unit="Count", statistic="Sum", meaning="")
    return (
        *(() if bounds.scaled_by_aws else (_scaler_late(),)),
        # Any value is at least 0: only missing data breaches.
        Alarm(
            name="metrics-missing",
            metrics=(("wanted", metric_names.WANTED),),
            above=False,
            threshold=0.0,
            periods=5,
            datapoints=5,
            missing="breaching",
        ),
        Alarm(
            name="job-age",
            metrics=(("age", metric_names.OLDEST_DUE_JOB),),
            threshold=max(3600.0, 4 * bounds.on_demand_after_s),
            periods=5,
            datapoints=5,
            missing="breaching",
        ),
        Alarm(
            name="spot-shortfall",
            metrics=(("shortfall", metric_names.SPOT_SHORTFALL),),
            threshold=0.0,
            periods=15,
            datapoints=15,
            missing="breaching",
        ),
        # The maximum of the groups, or a vCPU quota of the account, is too low.
        Alarm(
            name="at-maximum",
            metrics=(("wanted", metric_names.WANTED),),
            threshold=float(bounds.spot_max + bounds.on_demand_max),
            periods=30,
            datapoints=30,
            missing="breaching",
        ),
        # An idle pool publishes no share, and a fleet without failures no failure.
        Alarm(
            name="spot-share",
            metrics=(("share", metric_names.SPOT_SHARE),),
            above=False,
            threshold=70.0,
            period_s=3600,
            periods=6,
            datapoints=6,
            missing="notBreaching",
        ),
        Alarm(
            name="launch-failures",
            metrics=(("failures", launch_failures),),
            or_equal=True,
            threshold=3.0,
            period_s=300,
            periods=2,
            datapoints=2,
            missing="notBreaching",
            namespace=metric_names.FLEET_NAMESPACE,
        ),
    )


def _scaler_late() -> Alarm:
    """No coordinator has applied a decision for ten steps, though coordinators may run."""
    return Alarm(
        name="scaler-late",
        metrics=(("age", metric_names.DECISION_AGE),),
        threshold=300.0,
        periods=5,
        datapoints=5,
        missing="breaching",
    )
