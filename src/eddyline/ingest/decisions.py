"""The verdict on an event about an object: submit it, ignore it, or park the message for an operator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from eddyline.core.identity import digest


@dataclass(frozen=True, kw_only=True)
class Submit:
    """An object was created or overwritten. `size` in bytes; `etag` without quotes; `version` if versioned.

    Before the object is submitted, its current ETag is read: another one means that it was overwritten since,
    and that a later event reports the current object.
    """

    bucket: str
    key: str
    size: int | None
    etag: str
    version: str
    sequencer: str

    @property
    def identity(self) -> str:
        """Equal for events about the same upload: the same content at the same key and time."""
        moment = self.version or self.sequencer
        return digest("s3", self.bucket, self.key, self.etag, moment)

    @property
    def address(self) -> str:
        """The s3:// address."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, kw_only=True)
class Ignore:
    """Nothing to do, and the reason."""

    reason: str


class Cause(StrEnum):
    """The cause for which a message is parked, as a label of metrics and alarms."""

    MALFORMED = "malformed"  # the message cannot be parsed
    REFUSED = "refused"  # the object cannot be read or addressed
    OWNERLESS = "ownerless"  # the key holds no owner where the rule expects one
    FAILING = "failing"  # every attempt failed, although store and ledger were available
    DEADLY = "deadly"  # no process that received it finished


@dataclass(frozen=True, kw_only=True)
class Park:
    """Not to be processed, and the reason: the message is kept for an operator."""

    reason: str
    cause: Cause = Cause.MALFORMED


Verdict: TypeAlias = Submit | Ignore | Park


def newest_events(events: Iterable[Submit]) -> list[Submit]:
    """The events without duplicates and without those superseded by a later one of the same key, in order.

    Sequencers compare as hexadecimal text of equal length, the shorter padded with zeros on the right.
    """
    latest: dict[tuple[str, str, bool], dict[str, Submit]] = {}
    for event in events:
        place = (
            event.bucket,
            event.key,
            bool(event.sequencer),
        )  # without a sequencer the order is unknown
        known = latest.get(place, {})
        moment = max(map(_moment, known.values()), default="")
        if _moment(event) > moment:
            latest.pop(place, None)
            latest[place] = {event.identity: event}
        elif _moment(event) == moment:
            known.setdefault(event.identity, event)  # the order is unknown: both count
    return [event for known in latest.values() for event in known.values()]


def _moment(event: Submit) -> str:
    return event.sequencer.upper().ljust(64, "0")
