"""Publishes metrics of pools to CloudWatch: one PutMetricData call for all pools of a minute.

A call that fails is retried by boto3 for some seconds. Then its values are dropped: the next minute has newer
ones, and Auto Scaling leaves the capacity as it is without data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eddyline.core.outages import OutageLog

_MAX_DATA = 1000
"""The most values of one PutMetricData call (Amazon CloudWatch API Reference)."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value of a metric: `unit` as CloudWatch names it."""

    metric: str
    unit: str
    dimensions: Mapping[str, str]
    value: float


class CloudWatchMetrics:
    """Publishes to one namespace. An outage is logged once, at its start and at its end."""

    def __init__(self, client: Any, *, namespace: str) -> None:  # noqa: ANN401 - boto3 creates its classes at run time
        self._client = client
        self._namespace = namespace
        self._outages = OutageLog("CloudWatch")
        self.failures = 0

    def publish(self, values: Sequence[Value], *, at: float) -> bool:
        """Publish values of the time `at` (seconds since 1970); returns whether CloudWatch accepted all."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

        when = datetime.fromtimestamp(at, UTC)
        try:
            for first in range(0, len(values), _MAX_DATA):
                data = [_datum(value, when) for value in values[first : first + _MAX_DATA]]
                self._client.put_metric_data(Namespace=self._namespace, MetricData=data)
        except (ClientError, BotoCoreError, OSError) as error:
            self.failures += 1
            self._outages.unavailable(error)
            return False
        self._outages.available()
        return True


def _datum(value: Value, when: datetime) -> dict[str, Any]:
    return {
        "MetricName": value.metric,
        "Dimensions": [{"Name": name, "Value": text} for name, text in value.dimensions.items()],
        "Timestamp": when,
        "Value": value.value,
        "Unit": value.unit,
    }
