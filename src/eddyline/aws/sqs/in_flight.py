"""The messages in flight of a worker: their claims, and the extension of their visibility timeouts.

The visibility timeout is the lease of a job: while it lasts, no other worker receives the message. A thread
of the broker calls `InFlight.extend` every third of it, however busy the handlers are.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.message_body import decode_body, encode_body
from eddyline.core.errors import EddylineError
from eddyline.graph.coordinator.wire import WireError, publication_from_json, publication_to_json
from eddyline.graph.job import Claim
from eddyline.graph.messages import STRIDE, Publication, publication_base
from eddyline.graph.states import State

MAX_IN_FLIGHT_S = 11.5 * 3600
"""SQS keeps a message in flight for at most 12 h, extensions included."""

Key: TypeAlias = tuple[str, int]
"""A claim: the job's ID and the fence."""


@dataclass(kw_only=True, eq=False)
class HeldMessage:
    """A claim and its message.

    `received_at` and `hidden_until` are monotonic seconds, `claimed_at` is in seconds since 1970.
    `lost`: another worker may have received the job. `loose`: the message was deleted while the job runs, so
    no other worker can receive it.
    """

    claim: Claim
    offer: Publication
    message: Message
    received_at: float
    hidden_until: float
    claimed_at: float = 0.0
    lost: bool = False
    loose: bool = False

    @property
    def key(self) -> Key:
        """The job's ID and the fence."""
        return self.claim.job.id, self.claim.fence

    def is_held(self, now: float) -> bool:
        """Whether no other worker can have received the job: its message has been hidden without a gap."""
        return not self.lost and (self.loose or now < self.hidden_until)


def claim_message(
    message: Message, *, visibility_s: float, requested_at: float, received_at: float, worker: str
) -> HeldMessage:
    """The claim that a received message grants. Raises `WireError`.

    `requested_at` (monotonic s) is a time before which SQS had not yet hidden the message.
    """
    offer = publication_from_json(decode_body(message.body))
    fence = offer.base + message.receive_count
    if publication_base(fence) != publication_base(offer.base) or message.receive_count >= STRIDE:
        raise WireError("the receive count exceeds the fences of this publication", path="offer/base")
    job = replace(
        offer.job,
        state=State.RUNNING,
        attempt=offer.job.attempt + 1,
        starts=offer.job.starts + 1,
        fence=fence,
        lease_owner=worker,
        ready_at=None,
    )
    return HeldMessage(
        claim=Claim(job=job, fence=fence),
        offer=offer,
        message=message,
        received_at=received_at,
        hidden_until=requested_at + visibility_s,
    )


def hand_back(queues: SqsClient, held: Collection[HeldMessage]) -> None:
    """Make these jobs available to other workers at once.

    SQS counts all receipts, regardless of their outcome. A message that has used half of the receipts that
    make it a dead letter is sent again instead, with fences that continue where they were: so only workers
    that vanish repeatedly exhaust the limit, never those that hand back. A job without a message is sent
    again too.
    """
    resend = [
        each for each in held if each.loose or each.message.receive_count * 2 >= queues.max_receive_count
    ]
    queues.change_visibility([each.message for each in held if each not in resend], 0)
    for each in resend:
        renewed = replace(each.offer, base=each.claim.fence)
        if all(queues.send(each.message.queue, [encode_body(publication_to_json(renewed))])):
            queues.delete([each.message])
        else:
            queues.change_visibility([each.message], 0)


class InFlight:
    """The claimed messages of a worker, by job and fence. Safe from any thread.

    `visibility_s` is the visibility timeout. The message of a job that runs longer than `max_in_flight_s` is
    deleted: no other worker can receive it then, and if its worker vanishes, the coordinators publish it
    again.
    """

    def __init__(
        self,
        queues: SqsClient,
        *,
        visibility_s: float,
        max_in_flight_s: float = MAX_IN_FLIGHT_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queues = queues
        self._visibility_s = visibility_s
        self._max_in_flight_s = max_in_flight_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held: dict[Key, HeldMessage] = {}

    def add(self, received: Sequence[HeldMessage], now: float) -> list[HeldMessage]:
        """Add messages, claimed at `now` (s since 1970); returns those that were not there already.

        A job may have been sent twice: the duplicate is deleted.
        """
        added: list[HeldMessage] = []
        duplicates: list[HeldMessage] = []
        with self._lock:
            for each in received:
                known = self._held.get(each.key)
                if known is None:
                    each.claimed_at = now
                    self._held[each.key] = each
                    added.append(each)
                elif known.is_held(self._monotonic()) and known.message.id != each.message.id:
                    duplicates.append(each)
        self.delete(duplicates)
        return added

    def find(self, key: Key) -> HeldMessage | None:
        """The held message of a job and fence."""
        with self._lock:
            return self._held.get(key)

    def fences(self) -> dict[str, int]:
        """The jobs that no other worker can have received, with their fences."""
        with self._lock:
            now = self._monotonic()
            return dict(sorted(each.key for each in self._held.values() if each.is_held(now)))

    def remove(self, keys: Iterable[Key]) -> list[HeldMessage]:
        """Remove messages from this record and return them; SQS keeps them."""
        with self._lock:
            return [found for key in keys if (found := self._held.pop(key, None)) is not None]

    def clear(self) -> list[HeldMessage]:
        """Remove all messages from this record and return them."""
        with self._lock:
            keys = list(self._held)
        return self.remove(keys)

    def delete(self, held: Collection[HeldMessage]) -> None:
        """Delete messages. Best effort: a failure only causes a redundant run of a job."""
        with contextlib.suppress(EddylineError):
            self._queues.delete([each.message for each in held if not each.loose])

    def extend(self, unclaimed: Sequence[HeldMessage]) -> bool:
        """Extend the visibility timeouts of all held and of the `unclaimed` messages.

        Returns whether a held message was lost, which removes it from this record. Raises `QueueError`.
        """
        with self._lock:
            mine = list(self._held.values())
        now = self._monotonic()
        self._delete_outlived([each for each in mine if each.is_held(now) and not each.loose], now)
        due = {
            each.message.receipt_handle: each
            for each in (*mine, *unclaimed)
            if each.is_held(now) and not each.loose
        }
        # Computed before the request: SQS hides the messages at least until then.
        hidden_until = self._monotonic() + self._visibility_s
        failures = self._queues.change_visibility([each.message for each in due.values()], self._visibility_s)
        for message in failures.expired:
            due.pop(message.receipt_handle).lost = True
        for message in failures.unchanged:
            due.pop(message.receipt_handle)  # the previous timeout still applies; the next call retries
        for each in due.values():
            each.hidden_until = hidden_until
        # The worker stops the handlers of removed jobs; their results are not sent.
        now = self._monotonic()
        return bool(self.remove(each.key for each in mine if not each.is_held(now)))

    def _delete_outlived(self, held: Sequence[HeldMessage], now: float) -> None:
        """Delete the messages that approach SQS's limit on the time in flight."""
        outlived = [each for each in held if each.received_at <= now - self._max_in_flight_s]
        self._queues.delete([each.message for each in outlived])
        for each in outlived:
            each.loose = True
