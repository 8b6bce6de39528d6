"""What S3 says of its objects, parsed: submit once, ignore, or park for people. Pure, and never raises.

Two shapes come to a queue: EventBridge's (`Object Created` of source `aws.s3`, keys as they are) and S3's own
notifications (`Records[]`, keys URL-encoded), either of them wrapped by SNS or not. Both come at least once
and in no order (S3 User Guide, "Event ordering and duplicate events"): `Submit.identity` is the same for
duplicates, and `newest` keeps what was not overwritten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from eddyline.core.formatting import short_repr
from eddyline.ingest.decisions import Ignore, Park, Submit, Verdict

_MOST_BYTES = 1024 * 1024  # as long as an SQS message may be
_MOST_RECORDS = 1000
_LONGEST_KEY = 1024  # bytes of UTF-8, by S3's own rule
_LARGEST = 1 << 50  # bytes, far above the 50 TB that S3 takes
_LONGEST_TEXT = 3 * _LONGEST_KEY  # characters of any text: of a key, each byte may be written as %XX
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")  # buckets from before 2018 may have capitals, _
_SEQUENCER = re.compile(r"[0-9A-Fa-f]{1,64}")
_SNS = "Notification"
_SNS_ASKS = "SubscriptionConfirmation"


class _OddError(Exception):
    """A part of a message that is not as it should be."""


def parse(body: str | bytes) -> tuple[Verdict, ...]:
    """What a message asks for: one verdict for each thing it tells, at least one."""
    try:
        return _parse(_json(body), wrapped=False)
    except _OddError as odd:
        return (Park(reason=str(odd)),)


def _json(body: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    if len(body) > _MOST_BYTES:
        raise _OddError(f"a message of {len(body)} characters")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _OddError(f"not JSON: {short_repr(str(error), 200)}") from None


def _parse(value: Any, *, wrapped: bool) -> tuple[Verdict, ...]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        raise _OddError("not a JSON object")
    if value.get("Type") == _SNS and isinstance(value.get("Message"), str) and not wrapped:
        return _parse(_json(value["Message"]), wrapped=True)
    if value.get("Type") == _SNS_ASKS and not wrapped:
        raise _OddError(
            f"an unconfirmed SNS subscription to {short_repr(value.get('TopicArn'))}: confirm it with the "
            "SubscribeURL of this message"
        )
    if value.get("Event") == "s3:TestEvent":
        return (Ignore(reason="a test notification: S3 sends one when notifications are set up"),)
    if "Records" in value:
        return _records(value["Records"])
    if "detail-type" in value or "source" in value:
        return (_guarded(_bridged, value),)
    raise _OddError("neither an EventBridge event nor an S3 notification")


def _guarded(parser: Any, value: Any) -> Verdict:  # noqa: ANN401 - one of the two below
    try:
        verdict: Verdict = parser(value)
    except _OddError as odd:
        return Park(reason=str(odd))
    return verdict


def _records(records: object) -> tuple[Verdict, ...]:
    if not isinstance(records, list) or len(records) > _MOST_RECORDS:
        raise _OddError("Records is no list, or too long")
    if not records:
        return (Ignore(reason="no records"),)
    # Each by itself: one bad record must not take the others along.
    return tuple(_guarded(_native, record) for record in records)


def _native(value: object) -> Verdict:
    """One record of S3's own notifications, event versions 2.x."""
    record = _object(value, "record")
    source = record.get("eventSource")
    if source != "aws:s3":
        return Ignore(reason=f"an event of {short_repr(source)}, not of S3")
    name = _text(record, "eventName")
    if not name.removeprefix("s3:").startswith("ObjectCreated:"):
        return Ignore(reason=f"{short_repr(name)}: no object was made")
    version = _text(record, "eventVersion")
    if not version.startswith("2."):
        raise _OddError(f"a record of version {short_repr(version)}, not 2.x")
    s3 = _object(record.get("s3"), "s3")
    thing = _object(s3.get("object"), "s3.object")
    key = _decoded(_text(thing, "key"))
    return _made(s3, thing, key, etag="eTag", version="versionId")


def _bridged(value: Mapping[str, Any]) -> Verdict:
    """An EventBridge event."""
    source, kind = value.get("source"), value.get("detail-type")
    if source != "aws.s3":
        return Ignore(reason=f"an event of {short_repr(source)}, not of S3")
    if kind != "Object Created":
        return Ignore(reason=f"{short_repr(kind)}: no object was made")
    detail = _object(value.get("detail"), "detail")
    thing = _object(detail.get("object"), "detail.object")
    return _made(detail, thing, _text(thing, "key"), etag="etag", version="version-id")


def _made(
    place: Mapping[str, Any], thing: Mapping[str, Any], key: str, *, etag: str, version: str
) -> Verdict:
    bucket = _text(_object(place.get("bucket"), "bucket"), "name")
    if not _BUCKET.fullmatch(bucket):
        raise _OddError(f"{short_repr(bucket)} is no bucket's name")
    _check_key(key)
    size = thing.get("size")
    if size is not None and (
        not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST
    ):
        raise _OddError(f"a size of {short_repr(size)}")
    sequencer = _text(thing, "sequencer", default="")
    if sequencer and not _SEQUENCER.fullmatch(sequencer):
        raise _OddError(f"a sequencer of {short_repr(sequencer)}")
    if key.endswith("/"):
        return Ignore(reason="a folder's marker, not a file")
    if size == 0:
        return Ignore(reason="an empty object")
    return Submit(
        bucket=bucket,
        key=key,
        size=size,
        etag=_text(thing, etag, default="").strip('"'),
        version=_text(thing, version, default=""),
        sequencer=sequencer,
    )


def _check_key(key: str) -> None:
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise _OddError("a key that is not Unicode") from None
    if not 0 < length <= _LONGEST_KEY or "\0" in key:
        raise _OddError(f"a key of {length} bytes, or with a zero in it")


def _decoded(key: str) -> str:
    """A key as S3's notifications write it: spaces as +, bytes of UTF-8 as %XX."""
    try:
        return unquote_to_bytes(key.replace("+", " ")).decode()
    except UnicodeError:
        raise _OddError("a key that is not UTF-8") from None


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _OddError(f"no {name}")
    return value


def _text(value: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    found = value.get(name, default)
    if not isinstance(found, str) or len(found) > _LONGEST_TEXT:
        raise _OddError(f"no {name}, or not a text, or a very long one")
    return found
