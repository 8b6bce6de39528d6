"""Metrics as log lines in CloudWatch's embedded metric format. Pure.

CloudWatch Logs extracts the metrics from the lines that a Lambda function prints, so no API call is needed.
The limits of the format (CloudWatch User Guide, "Specification: Embedded metric format"): 100 metrics and
30 dimensions of a set, values of dimensions of 1 to 1024 characters, times from two weeks ago to two hours
ahead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from eddyline.aws.lambdas.metric_names import DIMENSION_SETS, NAMESPACE, UNIT, Metric

_MAX_VALUE = 1024
_MAX_AGE_S = 13 * 24 * 3600.0
_MAX_AHEAD_S = 3600.0


def metric_line(metric: Metric, at: float, now: float, dimensions: Mapping[str, str]) -> str:
    """One event as a line; `at` is its time in seconds since 1970.

    Sets with a dimension that is absent or empty in `dimensions` are left out. Times that CloudWatch would
    reject are replaced by `now`.
    """
    known = {name: value[:_MAX_VALUE] for name, value in dimensions.items() if value.strip()}
    sets = [list(each) for each in DIMENSION_SETS if all(name in known for name in each)]
    when = at if now - _MAX_AGE_S <= at <= now + _MAX_AHEAD_S else now
    line = {
        "_aws": {
            "Timestamp": round(when * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": sets,
                    "Metrics": [{"Name": str(metric), "Unit": UNIT}],
                }
            ],
        },
        **known,
        str(metric): 1,
    }
    return json.dumps(line)
