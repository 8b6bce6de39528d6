"""A message in a worker's hands: the claim that its receipt is, and how long the queue still hides it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.message_body import seal, unseal
from eddyline.graph.coordinator.wire import WireError, publication_from_json, publication_to_json
from eddyline.graph.job import Claim
from eddyline.graph.messages import STRIDE, Publication, publication
from eddyline.graph.states import State

Key: TypeAlias = tuple[str, int]
"""A claim: the job's id and the fence."""


@dataclass(kw_only=True, eq=False)
class HeldMessage:
    """A claim and its message; `hidden_until` in monotonic seconds, `claimed_at` in seconds since 1970.

    `lost`: another may have been given the job. `loose`: there is no message any more, and so nobody can.
    """

    claim: Claim
    offer: Publication
    message: Message
    hidden_until: float
    received: float = field(default_factory=time.monotonic)
    claimed_at: float = 0.0
    lost: bool = False
    loose: bool = False

    @property
    def key(self) -> Key:
        """Job and fence."""
        return self.claim.job.id, self.claim.fence

    @property
    def is_ours(self) -> bool:
        """Whether nobody else can have been given the job: the queue has hidden it all the time."""
        return not self.lost and (self.loose or time.monotonic() < self.hidden_until)


def hold(message: Message, *, visibility_s: float, asked: float, worker: str) -> HeldMessage:
    """What a received message means; `asked` (monotonic s) is before it was. Raises `WireError`."""
    offer = publication_from_json(unseal(message.body))
    fence = offer.base + message.receipts
    if publication(fence) != publication(offer.base) or message.receipts >= STRIDE:
        raise WireError("received more often than its fences go", path="offer/base")
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
        claim=Claim(job=job, fence=fence), offer=offer, message=message, hidden_until=asked + visibility_s
    )


def hand_back(queues: SqsClient, holdings: list[HeldMessage]) -> None:
    """Let others have these jobs at once.

    SQS counts receipts, whatever became of them. Well before the limit that makes a message a dead letter,
    a job handed back is sent anew instead, its fences going on where they were: so only workers that vanish
    time after time bring it there, and never those that were told to stop. So is one without a message.
    """
    worn = [each for each in holdings if each.loose or each.message.receipts * 2 >= queues.dead_after]
    queues.hide([each.message for each in holdings if each not in worn], 0)
    for each in worn:
        renewed = replace(each.offer, base=each.claim.fence)
        if all(queues.send(each.message.queue, [seal(publication_to_json(renewed))])):
            queues.delete([each.message])
        else:
            queues.hide([each.message], 0)
