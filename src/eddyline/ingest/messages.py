"""Messages about new objects: the port to their source, and their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from eddyline.ingest.decisions import Cause


@dataclass(frozen=True, kw_only=True)
class Message:
    """A received message; `receive_count` includes this receipt.

    `since`: when it was first sent, in seconds since 1970 (0: unknown), even if it was sent again later.
    """

    id: str
    body: str
    receive_count: int
    since: float = 0.0


class MessageSource(Protocol):
    """A source of messages. Safe from any thread; raises `TransientError` while it is unavailable.

    A message whose receiver died without settling it is received again, by any process.
    """

    @property
    def max_receive_count(self) -> int:
        """Receipts after which a message that keeps failing is parked."""
        ...

    def receive(self, wait_s: float) -> Sequence[Message]:
        """Messages, hidden from others until they are settled; waits up to `wait_s` for the first."""
        ...

    def acknowledge(self, message: Message) -> None:
        """Settle the message: it is not delivered again."""
        ...

    def postpone(self, message: Message, delay_s: float, *, counts_as_attempt: bool) -> None:
        """Deliver the message again after `delay_s`.

        Unless it `counts_as_attempt`, the message comes no closer to its maximum receive count.
        """
        ...

    def park(self, message: Message, reason: str) -> None:
        """Set the message aside for an operator, with the reason."""
        ...


@dataclass(frozen=True, kw_only=True)
class IngestOutcome:
    """What became of an object, or of a message that names none.

    `cause` is set for a parked message; `uploaded` for a submitted object: its upload time in seconds since
    1970.
    """

    what: Literal["submitted", "ignored", "parked", "postponed"]
    message: str
    address: str = ""
    asset: str = ""
    reason: str = ""
    cause: Cause | None = None
    uploaded: float | None = None
