"""What an ingest put aside: listed with the reasons, sent to the queue again, or thrown away.

SQS's own redrive sends nothing back by itself that was put there by a program: it knows no source of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from eddyline.aws.s3_events.event_queue import EventQueue
from eddyline.aws.s3_events.parser import parse
from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.message import Message
from eddyline.core.errors import UsageError
from eddyline.ingest.decisions import Submit

_HIDDEN_S = 120.0
_NO_REASON = "no reason came along: SQS itself gave it up, or it is too long to carry one"


@dataclass(frozen=True, kw_only=True)
class ParkedMessage:
    """A message put aside at `at` (seconds since 1970); `addresses` are the objects that it tells of."""

    id: str
    at: float
    reason: str
    addresses: tuple[str, ...]
    body: str


class ParkedMessages:
    """The messages beside one queue of events. Raises `QueueError` and `AccessError`."""

    def __init__(self, queues: SqsClient, place: EventQueue) -> None:
        self._queues = queues
        self._place = place

    def listed(self, *, limit: int = 1000) -> list[ParkedMessage]:
        """Up to `limit` of them, the oldest first; they stay there."""
        letters = self._fetch(limit)
        self._queues.hide(letters, 0)
        return [_parked(letter) for letter in letters]

    def redrive(self, ids: Collection[str] = (), *, limit: int = 1000) -> list[ParkedMessage]:
        """Send those whose ids begin so (none named: all) to the queue again; safe to repeat.

        Killed meanwhile, one may be in both places: what is told twice is one asset. Raises `UsageError` for
        an unknown id.
        """
        return self._settle(ids, limit, anew=True)

    def drop(self, ids: Collection[str] = (), *, limit: int = 1000) -> list[ParkedMessage]:
        """Throw these away; raises `UsageError` for an unknown id."""
        return self._settle(ids, limit, anew=False)

    def _settle(self, ids: Collection[str], limit: int, *, anew: bool) -> list[ParkedMessage]:
        letters = self._fetch(limit)
        left = {letter.id: letter for letter in letters}
        try:
            unknown = [each for each in ids if not any(letter.id.startswith(each) for letter in letters)]
            if unknown:
                raise UsageError(
                    f"no parked message {unknown[0]}", remedy="`eddyline parked` lists them with their ids"
                )
            chosen = [each for each in letters if not ids or each.id.startswith(tuple(ids))]
            for letter in chosen:
                if not anew or all(self._queues.send(self._place.name, [letter.body])):
                    self._queues.delete([letter])
                    del left[letter.id]
        finally:
            self._queues.hide(left.values(), 0)
        return [_parked(letter) for letter in chosen if letter.id not in left]

    def _fetch(self, limit: int) -> list[Message]:
        """Up to `limit` messages, kept from others for a while."""
        found: dict[str, Message] = {}
        while len(found) < limit:
            wanted = limit - len(found)
            letters = self._queues.receive(self._place.dead, limit=wanted, wait_s=1, visibility_s=_HIDDEN_S)
            fresh = [letter for letter in letters if letter.id not in found]
            if not fresh:
                break
            found.update((letter.id, letter) for letter in fresh)
        return sorted(found.values(), key=lambda letter: letter.sent)


def _parked(letter: Message) -> ParkedMessage:
    told = parse(letter.body)
    return ParkedMessage(
        id=letter.id,
        at=letter.sent,
        reason=letter.attributes.get("reason") or _NO_REASON,
        addresses=tuple(each.address for each in told if isinstance(each, Submit)),
        body=letter.body,
    )
