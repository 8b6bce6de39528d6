"""The state of a CloudWatch alarm from its data points, missing ones included.

Amazon CloudWatch User Guide, "Using Amazon CloudWatch alarms", sections "Evaluating an alarm" and "How alarm
state is evaluated when data is missing"; the tests contain the tables of that section.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from enum import StrEnum

from eddyline.fleet.scaling.alarms import Alarm, Missing
from eddyline.fleet.scaling.model.expressions import evaluate

EXTRA_PERIODS = 2
"""CloudWatch reads more data points than the alarm has periods; the guide's example reads 5 for 3."""


class AlarmState(StrEnum):
    """The states by their CloudWatch names."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


def alarm_state(
    breaching: Sequence[bool | None], *, periods: int, datapoints: int, missing: Missing, before: AlarmState
) -> AlarmState:
    """The state after data points in order of time: breaching or not, None where one is missing."""
    present = [point for point in breaching if point is not None]
    if len(present) >= periods:
        return _by_count(sum(present[-periods:]), datapoints)
    if missing in {"breaching", "notBreaching"}:
        filled = periods - len(present) if missing == "breaching" else 0
        return _by_count(sum(present) + filled, datapoints)
    if sum(present) >= datapoints or not all(present):
        return _by_count(sum(present), datapoints)
    if missing == "ignore":
        return before
    # All present points breach, but they are too few; the oldest one decides.
    return AlarmState.ALARM if breaching and breaching[0] else AlarmState.INSUFFICIENT_DATA


def _by_count(breaching: int, datapoints: int) -> AlarmState:
    return AlarmState.ALARM if breaching >= datapoints else AlarmState.OK


class AlarmModel:
    """One alarm that is evaluated once a period; `value` is its last value that was not missing."""

    def __init__(self, alarm: Alarm) -> None:
        self.alarm = alarm
        self.state = AlarmState.INSUFFICIENT_DATA
        self.value: float | None = None
        self._points: deque[bool | None] = deque(maxlen=alarm.periods + EXTRA_PERIODS)

    def update(self, metrics: Mapping[str, float]) -> AlarmState:
        """Add the period's values, by the names of metrics, and return the new state."""
        value = self._evaluate(metrics)
        if value is not None:
            self.value = value
        self._points.append(None if value is None else self.alarm.breaches(value))
        self.state = alarm_state(
            tuple(self._points),
            periods=self.alarm.periods,
            datapoints=self.alarm.datapoints,
            missing=self.alarm.missing,
            before=self.state,
        )
        return self.state

    def _evaluate(self, metrics: Mapping[str, float]) -> float | None:
        """An expression has no value if one of its metrics has none."""
        named = {key: metrics[metric.name] for key, metric in self.alarm.metrics if metric.name in metrics}
        if len(named) < len(self.alarm.metrics):
            return None
        if not self.alarm.expression:
            return next(iter(named.values()))
        return evaluate(self.alarm.expression, named)
