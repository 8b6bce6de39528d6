"""Events of S3 are submitted, ignored or parked; the parser never raises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.aws.s3_events.parser import parse_s3_event
from eddyline.ingest.decisions import Ignore, Park, Submit, Verdict, newest_events

RECORDED = Path(__file__).with_name("recorded")
SUBMISSION = Submit(
    bucket="river-footage",
    key="incoming/GX 01+0042 ü.MP4",
    size=4_000_000_123,
    etag="b1946ac92492d2347c6235b4d2611184-478",
    version="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
    sequencer="617f08299329d189",
)


def _read(name: str) -> str:
    return (RECORDED / f"{name}.json").read_text("utf-8")


def _only(body: str | bytes) -> Verdict:
    (verdict,) = parse_s3_event(body)
    return verdict


def _native(**changes: object) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(_read("native-object-created"))
    body["Records"][0]["s3"]["object"].update(changes)
    return body


@pytest.mark.parametrize("name", ["eventbridge-object-created", "native-object-created"])
def test_both_formats_of_one_upload_result_in_the_same_submission(name: str) -> None:
    verdict = _only(_read(name))
    assert verdict == SUBMISSION
    assert isinstance(verdict, Submit)
    assert verdict.identity == SUBMISSION.identity
    assert verdict.address == "s3://river-footage/incoming/GX 01+0042 ü.MP4"


def test_a_notification_through_sns_is_unwrapped() -> None:
    wrapped = json.dumps({"Type": "Notification", "Message": _read("native-object-created")})
    assert _only(wrapped) == SUBMISSION


def test_an_unconfirmed_topic_is_parked_and_named() -> None:
    request = {
        "Type": "SubscriptionConfirmation",
        "TopicArn": "arn:aws:sns:eu-west-1:1:t",
        "Message": "You have",
    }
    verdict = _only(json.dumps(request))
    assert isinstance(verdict, Park)
    assert "arn:aws:sns:eu-west-1:1:t" in verdict.reason


def test_repeated_wrapping_is_parked() -> None:
    body = _read("native-object-created")
    for _ in range(3):
        body = json.dumps({"Type": "Notification", "Message": body})
    assert isinstance(_only(body), Park)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("eventbridge-object-deleted", "no object was created"),
        ("native-object-removed", "no object was created"),
        ("native-test-event", "test notification"),
        ("foreign-ec2-event", "aws.ec2"),
    ],
)
def test_events_of_other_kinds_are_ignored_with_a_reason(name: str, reason: str) -> None:
    verdict = _only(_read(name))
    assert isinstance(verdict, Ignore)
    assert reason in verdict.reason


@pytest.mark.parametrize(
    "changes", [{"key": "incoming/"}, {"size": 0}], ids=["a folder's marker", "an empty object"]
)
def test_an_empty_object_or_a_folder_marker_is_ignored(changes: dict[str, Any]) -> None:
    assert isinstance(_only(json.dumps(_native(**changes))), Ignore)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        b"\xff\xfe",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        " " * 2_000_000,
        '{"Records": 7}',
        '{"Records": [7]}',
        '{"source": "aws.s3", "detail-type": "Object Created"}',
        '{"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": 1}}}',
        json.dumps(_native(key="%ff%fe")),
        json.dumps(_native(key="a%00b")),
        json.dumps(_native(key="x" * 1025)),
        json.dumps(_native(size=-1)),
        json.dumps(_native(size="big")),
        json.dumps(_native(sequencer="not hex")),
    ],
)
def test_malformed_messages_are_parked_with_a_reason(body: str | bytes) -> None:
    verdict = _only(body)
    assert isinstance(verdict, Park)
    assert verdict.reason
    assert len(verdict.reason) < 300


def test_a_malformed_record_does_not_affect_the_others() -> None:
    good = _native()["Records"][0]
    bad = _native(key="%ff")["Records"][0]
    verdicts = parse_s3_event(json.dumps({"Records": [bad, good, {"eventSource": "aws:sqs"}]}))
    assert [type(verdict) for verdict in verdicts] == [Park, Submit, Ignore]


def test_an_overwrite_is_another_submission_and_supersedes_the_older_one() -> None:
    first = _only(json.dumps(_native(versionId="1", eTag="a", sequencer="0A1F")))
    second = _only(json.dumps(_native(versionId="2", eTag="b", sequencer="0A1F01")))
    assert isinstance(first, Submit)
    assert isinstance(second, Submit)
    assert first.identity != second.identity
    # In any order and with any number of duplicates.
    assert newest_events([first, second, first]) == newest_events([second, first, second]) == [second]


def test_two_uploads_at_the_same_time_are_both_kept() -> None:
    first, second = (replace(SUBMISSION, etag=etag) for etag in "ab")
    assert newest_events([first, second, first]) == [first, second]
    unknown = replace(SUBMISSION, etag="c", sequencer="")
    assert newest_events([unknown, first]) == [unknown, first]


def test_events_do_not_supersede_those_of_other_keys() -> None:
    other = _only(json.dumps(_native(key="other.mp4", sequencer="00")))
    assert isinstance(other, Submit)
    assert newest_events([SUBMISSION, other]) == [SUBMISSION, other]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Records", "s3", "object", "key", "detail", "source", "eventSource", "bucket", "Type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_the_parser_never_raises(value: object) -> None:
    assert parse_s3_event(json.dumps(value))


@given(st.text())
def test_keys_are_parsed_unchanged(key: str) -> None:
    body = json.loads(_read("eventbridge-object-created"))
    body["detail"]["object"]["key"] = key
    verdict = _only(json.dumps(body))
    if isinstance(verdict, Submit):
        assert verdict.key == key
