"""Parser for S3 events: each thing that a message reports is submitted, ignored or parked. Never raises.

Two formats arrive: EventBridge events (`Object Created` of source `aws.s3`, keys as they are) and S3's own
notifications (`Records[]`, keys URL-encoded), either of them wrapped by SNS or not. Both are delivered at
least once and in any order (S3 User Guide, "Event ordering and duplicate events"): `Submit.identity` is the
same for duplicates, and `newest_events` drops superseded ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from eddyline.core.formatting import short_repr
from eddyline.ingest.decisions import Ignore, Park, Submit, Verdict

_MAX_BYTES = 1024 * 1024  # of an SQS message
_MAX_RECORDS = 1000
_MAX_KEY = 1024  # bytes of UTF-8, the limit of S3
_MAX_SIZE = 1 << 50  # bytes, far above the 50 TB that S3 allows
_MAX_TEXT = 3 * _MAX_KEY  # characters of any text: each byte of a key may be written as %XX
_SNS_NOTIFICATION = "Notification"
_SNS_CONFIRMATION = "SubscriptionConfirmation"


class _MalformedError(Exception):
    """A part of a message that is not as documented."""


def _check_key(key: str) -> str:
    length = len(key.encode())
    if not 0 < length <= _MAX_KEY or "\0" in key:
        raise ValueError(f"a key of {length} bytes, or with a NUL character")
    return key


def _decode_key(key: str) -> str:
    """The key in S3's own notifications: spaces are written as +, bytes of UTF-8 as %XX."""
    try:
        return unquote_to_bytes(key.replace("+", " ")).decode()
    except UnicodeError:
        raise ValueError("a key that is not UTF-8") from None


_Text = Annotated[str, Field(max_length=_MAX_TEXT)]
_Key = Annotated[_Text, AfterValidator(_check_key)]
_EncodedKey = Annotated[_Text, AfterValidator(_decode_key), AfterValidator(_check_key)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class _Bucket(_Section):
    # Buckets from before 2018 may have capital letters and underscores.
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$")


class _Object(_Section):
    size: Annotated[int, Field(ge=0, le=_MAX_SIZE)] | None = None
    sequencer: str = Field(default="", pattern=r"^[0-9A-Fa-f]{0,64}$")


class _NotificationObject(_Object):
    key: _EncodedKey
    etag: _Text = Field(default="", alias="eTag")
    version: _Text = Field(default="", alias="versionId")


class _EventBridgeObject(_Object):
    key: _Key
    etag: _Text = ""
    version: _Text = Field(default="", alias="version-id")


T = TypeVar("T", _NotificationObject, _EventBridgeObject)


class _Location(_Section, Generic[T]):
    bucket: _Bucket
    item: T = Field(alias="object")


class _Record(_Section):
    version: _Text = Field(alias="eventVersion", pattern=r"^2\.")
    s3: _Location[_NotificationObject]


class _Event(_Section):
    detail: _Location[_EventBridgeObject]


def parse_s3_event(body: str | bytes) -> tuple[Verdict, ...]:
    """The verdicts on a message: one for each thing that it reports, at least one."""
    try:
        return _parse(_load_json(body), is_unwrapped=False)
    except _MalformedError as error:
        return (Park(reason=str(error)),)


def _load_json(body: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    if len(body) > _MAX_BYTES:
        raise _MalformedError(f"a message of {len(body)} characters")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _MalformedError(f"not JSON: {short_repr(str(error), 200)}") from None


def _parse(value: Any, *, is_unwrapped: bool) -> tuple[Verdict, ...]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        raise _MalformedError("not a JSON object")
    if value.get("Type") == _SNS_NOTIFICATION and isinstance(value.get("Message"), str) and not is_unwrapped:
        return _parse(_load_json(value["Message"]), is_unwrapped=True)
    if value.get("Type") == _SNS_CONFIRMATION and not is_unwrapped:
        raise _MalformedError(
            f"an unconfirmed SNS subscription to {short_repr(value.get('TopicArn'))}: open the "
            "SubscribeURL in this message to confirm it"
        )
    if value.get("Event") == "s3:TestEvent":
        return (Ignore(reason="a test notification, which S3 sends when notifications are set up"),)
    if "Records" in value:
        return _parse_records(value["Records"])
    if "detail-type" in value or "source" in value:
        return (_parse_one(_parse_eventbridge, value),)
    raise _MalformedError("neither an EventBridge event nor an S3 notification")


def _parse_records(records: object) -> tuple[Verdict, ...]:
    if not isinstance(records, list) or len(records) > _MAX_RECORDS:
        raise _MalformedError(f"Records is not a list of at most {_MAX_RECORDS} records")
    if not records:
        return (Ignore(reason="no records"),)
    # Separately: a malformed record does not affect the others.
    return tuple(_parse_one(_parse_record, record) for record in records)


def _parse_one(parser: Callable[[Any], Verdict], value: Any) -> Verdict:  # noqa: ANN401 - any JSON value
    try:
        return parser(value)
    except _MalformedError as error:
        return Park(reason=str(error))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return Park(reason=f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _parse_record(value: object) -> Verdict:
    """One record of S3's own notifications, event versions 2.x."""
    if not isinstance(value, dict):
        raise _MalformedError("a record is not a JSON object")
    source, name = value.get("eventSource"), value.get("eventName")
    if source != "aws:s3":
        return Ignore(reason=f"an event of {short_repr(source)}, not of S3")
    if not isinstance(name, str) or len(name) > _MAX_TEXT:
        raise _MalformedError("eventName is not a text, or too long")
    if not name.removeprefix("s3:").startswith("ObjectCreated:"):
        return Ignore(reason=f"{short_repr(name)}: no object was created")
    return _verdict(_Record.model_validate(value).s3)


def _parse_eventbridge(value: dict[str, Any]) -> Verdict:
    source, kind = value.get("source"), value.get("detail-type")
    if source != "aws.s3":
        return Ignore(reason=f"an event of {short_repr(source)}, not of S3")
    if kind != "Object Created":
        return Ignore(reason=f"{short_repr(kind)}: no object was created")
    return _verdict(_Event.model_validate(value).detail)


def _verdict(location: _Location[_NotificationObject] | _Location[_EventBridgeObject]) -> Verdict:
    created = location.item
    if created.key.endswith("/"):
        return Ignore(reason="the marker of a folder, not a file")
    if created.size == 0:
        return Ignore(reason="an empty object")
    return Submit(
        bucket=location.bucket.name,
        key=created.key,
        size=created.size,
        etag=created.etag.strip('"'),
        version=created.version,
        sequencer=created.sequencer,
    )
