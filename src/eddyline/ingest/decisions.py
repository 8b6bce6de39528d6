"""What a message about an object asks for: submit it, ignore it, or park the message for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from eddyline.core.identity import digest


@dataclass(frozen=True, kw_only=True)
class Submit:
    """An object was made or overwritten. `size` in bytes; `etag` without quotes, `version` where versioned.

    Before work, the object is asked for its ETag: another one means that it was overwritten since, and that
    a later event speaks of what is there now.
    """

    bucket: str
    key: str
    size: int | None
    etag: str
    version: str
    sequencer: str

    @property
    def identity(self) -> str:
        """Equal for events about the same bytes put at the same place at the same time."""
        moment = self.version or self.sequencer
        return digest("s3", self.bucket, self.key, self.etag, moment)

    @property
    def address(self) -> str:
        """As users write it."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, kw_only=True)
class Ignore:
    """Nothing to do, and why."""

    reason: str


class Cause(StrEnum):
    """Why something is parked, in few words: what counts and alarms go by."""

    MALFORMED = "malformed"  # the message is not understood
    REFUSED = "refused"  # the object may not be read, or cannot be addressed
    OWNERLESS = "ownerless"  # the rule finds no owner in the key
    FAILING = "failing"  # tried again and again, though all was there
    DEADLY = "deadly"  # whoever received it came to no end


@dataclass(frozen=True, kw_only=True)
class Park:
    """Not to be done, and why: to be kept for people, out of the way of all others."""

    reason: str
    cause: Cause = Cause.MALFORMED


Verdict: TypeAlias = Submit | Ignore | Park


def newest_events(submits: Iterable[Submit]) -> list[Submit]:
    """Without duplicates, and without those that a later one of the same key outdates; in order of arrival.

    Sequencers compare as hexadecimal text of equal length, the shorter filled up with zeros on the right.
    """
    latest: dict[tuple[str, str, bool], dict[str, Submit]] = {}
    for each in submits:
        place = (each.bucket, each.key, bool(each.sequencer))  # without one, nothing says what is older
        known = latest.get(place, {})
        moment = max(map(_moment, known.values()), default="")
        if _moment(each) > moment:
            latest.pop(place, None)
            latest[place] = {each.identity: each}
        elif _moment(each) == moment:
            known.setdefault(each.identity, each)  # which came first nobody can say: both count
    return [each for known in latest.values() for each in known.values()]


def _moment(submit: Submit) -> str:
    return submit.sequencer.upper().ljust(64, "0")
