"""Messages about new objects: where they come from, and what is told of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from eddyline.ingest.decisions import Cause


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as received; `receive_count` counts how often it has been, this time included.

    `since`: when it was sent, in seconds since 1970 (0: unknown), also if it was sent anew to wait longer.
    """

    id: str
    body: str
    receive_count: int
    since: float = 0.0


class MessageSource(Protocol):
    """Where messages come from. Safe from any thread; raises `TransientError` while it is away.

    A message received and not heard of any more (its receiver died) is received again, by anyone.
    """

    @property
    def max_receive_count(self) -> int:
        """Receipts after which a message that keeps failing is parked."""
        ...

    def receive(self, wait_s: float) -> Sequence[Message]:
        """Some messages, kept from others until they are settled; waits up to `wait_s` for the first."""
        ...

    def acknowledge(self, message: Message) -> None:
        """It is never to come again."""
        ...

    def postpone(self, message: Message, delay_s: float, *, counts_as_attempt: bool) -> None:
        """Deliver the message again after `delay_s`.

        Unless it `counts_as_attempt`, the message comes no closer to its maximum receive count.
        """
        ...

    def park(self, message: Message, reason: str) -> None:
        """Put it aside for people, with the reason."""
        ...


@dataclass(frozen=True, kw_only=True)
class IngestOutcome:
    """What became of an object, or of a message that told of none."""

    what: Literal["submitted", "ignored", "parked", "postponed"]
    message: str
    address: str = ""
    asset: str = ""
    reason: str = ""
    cause: Cause | None = None
    """Of what is parked."""
    uploaded: float | None = None
    """Of what is submitted: when the object was put there, in seconds since 1970."""
