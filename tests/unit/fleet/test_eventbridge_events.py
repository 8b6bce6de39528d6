"""Events about machines are parsed, ignored or reported as malformed; no event raises an error."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.notices import (
    Ignored,
    LifecycleAction,
    Malformed,
    Notice,
    NoticeKind,
    Parsed,
)

ID = "i-0123456789abcdef0"
TOKEN = "87654321-4321-4321-4321-210987654321"  # noqa: S105 - an example, not a secret
WHEN = "2026-03-01T12:00:00Z"
AT = 1_772_366_400.0


def _event(kind: str, detail: dict[str, Any], source: str = "aws.ec2") -> dict[str, Any]:
    return {
        "version": "0",
        "id": "12345678-1234-1234-1234-123456789012",
        "detail-type": kind,
        "source": source,
        "account": "123456789012",
        "time": WHEN,
        "region": "eu-central-1",
        "resources": [f"arn:aws:ec2:eu-central-1b:instance/{ID}"],
        "detail": detail,
    }


def _warning(action: str = "terminate", **more: object) -> dict[str, Any]:
    detail = {"instance-id": ID, "instance-action": action}
    return {**_event("EC2 Spot Instance Interruption Warning", detail), **more}


def _lifecycle(**more: object) -> dict[str, Any]:
    detail = {
        "LifecycleActionToken": TOKEN,
        "AutoScalingGroupName": "eddyline-cpu",
        "LifecycleHookName": "drain",
        "EC2InstanceId": ID,
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        **more,
    }
    return _event("EC2 Instance-terminate Lifecycle Action", detail, "aws.autoscaling")


def _only(event: dict[str, Any]) -> Notice:
    reading = parse_event(event)
    assert isinstance(reading, Parsed)
    (notice,) = reading.notices
    return notice


def test_a_spot_warning_has_a_deadline_in_two_minutes() -> None:
    notice = _only(_warning())
    assert (notice.kind, notice.instance, notice.at) == (NoticeKind.INTERRUPTION, ID, AT)
    assert notice.deadline == AT + 120


def test_hibernation_starts_immediately() -> None:
    assert _only(_warning("hibernate")).deadline == AT


def test_the_instance_is_taken_from_the_detail_not_from_the_arn() -> None:
    for arn in ("arn:aws:ec2:eu-central-1:123456789012:instance/i-ffffffffffffffff0", "nonsense"):
        assert _only(_warning(resources=[arn])).instance == ID


def test_a_rebalance_recommendation_has_no_deadline() -> None:
    notice = _only(_event("EC2 Instance Rebalance Recommendation", {"instance-id": ID}))
    assert (notice.kind, notice.deadline) == (NoticeKind.REBALANCE, None)


def test_a_scale_in_contains_the_lifecycle_action() -> None:
    notice = _only(_lifecycle())
    assert (notice.kind, notice.instance) == (NoticeKind.SCALE_IN, ID)
    assert notice.lifecycle == LifecycleAction(group="eddyline-cpu", hook="drain", token=TOKEN)


def test_a_run_instances_call_is_one_notice_per_instance() -> None:
    items = [
        {
            "instanceId": f"i-0123456789abcdef{n}",
            "instanceType": "c7a.4xlarge",
            "placement": {"availabilityZone": "eu-central-1b"},
            **({"instanceLifecycle": "spot"} if n else {}),
        }
        for n in range(2)
    ]
    detail = {"eventName": "RunInstances", "responseElements": {"instancesSet": {"items": items}}}
    reading = parse_event(_event("AWS API Call via CloudTrail", detail))
    assert isinstance(reading, Parsed)
    launches = [notice.launch for notice in reading.notices]
    assert [launch and (launch.type, launch.zone, launch.spot) for launch in launches] == [
        ("c7a.4xlarge", "eu-central-1b", False),
        ("c7a.4xlarge", "eu-central-1b", True),
    ]


@pytest.mark.parametrize(
    ("event", "spot"),
    [
        (
            _event(
                "EC2 Spot Instance Request Fulfillment",
                {"spot-instance-request-id": "sir-1", "instance-id": ID},
            ),
            True,
        ),
        (
            _event(
                "EC2 Instance Launch Successful",
                {
                    "EC2InstanceId": ID,
                    "AutoScalingGroupName": "g",
                    "Details": {"Availability Zone": "eu-central-1a"},
                },
                "aws.autoscaling",
            ),
            None,
        ),
    ],
)
def test_launches_by_spot_requests_and_auto_scaling_groups_are_parsed(
    event: dict[str, Any], *, spot: bool | None
) -> None:
    notice = _only(event)
    assert (notice.kind, notice.instance) == (NoticeKind.LAUNCHED, ID)
    assert notice.launch is not None
    assert notice.launch.spot is spot


def test_the_states_running_and_terminated_are_notices_and_others_are_ignored() -> None:
    kind = "EC2 Instance State-change Notification"
    for state in ("running", "terminated"):
        assert _only(_event(kind, {"instance-id": ID, "state": state})).kind == state
    for state in ("pending", "shutting-down", "stopping", "stopped", "new"):
        assert isinstance(parse_event(_event(kind, {"instance-id": ID, "state": state})), Ignored)


def test_a_notice_has_the_id_the_account_and_the_region_of_its_event() -> None:
    notice = _only(_warning())
    assert (notice.event_id, notice.account, notice.region) == (
        "12345678-1234-1234-1234-123456789012",
        "123456789012",
        "eu-central-1",
    )
    assert _only(_warning(account=7, region=["x"], id=None)).account == ""


def test_the_parser_imports_no_other_package_than_the_standard_library_and_formatting() -> None:
    code = (
        "import sys; import eddyline.fleet.eventbridge_events; "
        "print([m for m in sys.modules if m.startswith('eddyline')], "
        "[m for m in ('pydantic', 'yaml', 'numpy', 'boto3', 'email') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    imported, heavy = out.strip().rsplit("] ", 1)
    assert heavy == "[]"
    assert set(re.findall(r"'([\w.]+)'", imported)) == {
        "eddyline",
        "eddyline.core",
        "eddyline.core.formatting",
        "eddyline.fleet",
        "eddyline.fleet.eventbridge_events",
        "eddyline.fleet.names",
        "eddyline.fleet.notices",
        "eddyline.fleet.events",
        *(
            f"eddyline.fleet.events.{name}"
            for name in ("autoscaling", "cloudtrail", "ec2", "ecs", "envelope", "health")
        ),
    }


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Event": "autoscaling:TEST_NOTIFICATION", "Service": "AWS Auto Scaling"},
        _lifecycle(LifecycleTransition="autoscaling:TEST_NOTIFICATION"),
        _lifecycle(LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING"),
        _event("Object Created", {"bucket": {"name": "b"}}, "aws.s3"),
        _event("EC2 Spot Instance Interruption Warning", {"instance-id": ID}, "another.source"),
        _event("ECS Service Action", {"eventName": "SERVICE_STEADY_STATE"}, "aws.ecs"),
        _event("AWS API Call via CloudTrail", {"eventName": "StopInstances", "responseElements": {}}),
        _event(
            "AWS API Call via CloudTrail",
            {
                "eventName": "RunInstances",
                "errorCode": "Server.InsufficientInstanceCapacity",
                "responseElements": None,
            },
        ),
        {"source": ["aws.ec2"], "detail-type": {"a": 1}},
    ],
)
def test_other_events_are_ignored(event: dict[str, Any]) -> None:
    assert isinstance(parse_event(event), Ignored)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        (b"\xff\xfe", "not JSON"),
        (" " * 2_000_000, "bytes"),
        (_warning(time="yesterday"), "time"),
        (_warning(time=None), "time"),
        (_event("EC2 Instance Rebalance Recommendation", {}), "detail.instance-id"),
        (_event("EC2 Instance Rebalance Recommendation", {"instance-id": "i-../../x"}), "detail.instance-id"),
        (_lifecycle(LifecycleActionToken=7), "LifecycleActionToken"),
        (
            _event(
                "AWS API Call via CloudTrail",
                {"eventName": "RunInstances", "responseElements": {"instancesSet": {"items": "all"}}},
            ),
            "items",
        ),
    ],
)
def test_a_malformed_event_is_reported_with_the_reason(
    event: str | bytes | dict[str, Any], reason: str
) -> None:
    reading = parse_event(event)
    assert isinstance(reading, Malformed)
    assert reason in reading.reason


def test_repeated_events_have_one_identity() -> None:
    seen = {_only(_warning(id=str(number))).identity for number in range(151)}
    assert len(seen) == 1


def test_a_later_recommendation_has_another_identity() -> None:
    kind = "EC2 Instance Rebalance Recommendation"
    first = _only(_event(kind, {"instance-id": ID}))
    later = _only({**_event(kind, {"instance-id": ID}), "time": "2026-03-01T12:20:00Z"})
    assert first.identity != later.identity


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(
    event=st.sampled_from([_warning(), _lifecycle(), _event("AWS API Call via CloudTrail", {})]),
    changes=st.dictionaries(st.sampled_from(["time", "source", "detail-type", "detail"]), _JSON),
    detail_changes=st.dictionaries(
        st.sampled_from(["instance-id", "EC2InstanceId", "eventName", "responseElements", "instance-action"]),
        _JSON,
    ),
)
def test_the_parser_accepts_any_event(
    event: dict[str, Any], changes: dict[str, Any], detail_changes: dict[str, Any]
) -> None:
    event = {**event, "detail": {**event["detail"], **detail_changes}, **changes}
    assert isinstance(parse_event(event), Parsed | Ignored | Malformed)
    assert isinstance(parse_event(json.dumps(event)), Parsed | Ignored | Malformed)
