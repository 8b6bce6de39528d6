"""The metrics and their dimensions, which dashboards and alarms use."""

from __future__ import annotations

from eddyline.aws.lambdas.metric_names import DIMENSION_SETS, NAMESPACE, Metric


def test_the_metrics_have_the_documented_names() -> None:
    assert NAMESPACE == "Eddyline/Fleet"
    assert [str(metric) for metric in Metric] == [
        "InterruptionWarnings",
        "Interruptions",
        "RebalanceRecommendations",
        "Launches",
        "LaunchFailures",
        "Terminations",
        "ScaleIns",
    ]
    assert [each[2:] for each in DIMENSION_SETS] == [
        (),
        ("InstanceType",),
        ("AvailabilityZone",),
        ("Lifecycle",),
    ]
    assert all(each[:2] == ("Prefix", "Pool") for each in DIMENSION_SETS)
