"""What a worker says of itself and of what it holds: that it lives, that it began, how it ended."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from eddyline.aws.sqs.held_message import HeldMessage
from eddyline.aws.sqs.report_sender import ReportSender
from eddyline.core.clock import Clock
from eddyline.graph.job import Settlement
from eddyline.graph.messages import Heartbeat, JobResult, JobStarted

_KEY_BYTES = 16  # of the secret by which coordinators know the worker again
_LEASES_SILENT = 3  # leases without a word before coordinators hold a worker for dead


class Reporter:
    """One worker's: what it has to say is put into words here, and sent by `answers`."""

    def __init__(self, answers: ReportSender, clock: Clock) -> None:
        self._answers = answers
        self._clock = clock
        self._whereabouts = ("", 0)
        self._next_beat = 0.0
        self._key = secrets.token_hex(_KEY_BYTES)
        self.worker = ""

    def introduce(self, worker: str, host: str, pid: int) -> None:
        """Speak for this worker from now on."""
        self.worker = worker
        self._whereabouts = (host, pid)

    @property
    def is_due(self) -> bool:
        """Whether it is time for a beat."""
        return time.monotonic() >= self._next_beat

    def beat(self, lease_s: float, holds: Callable[[], Iterable[str]]) -> None:
        """The worker lives, and holds these jobs."""
        self._next_beat = time.monotonic() + lease_s
        # In this order: what is claimed meanwhile began after `at`.
        beat = replace(self._sign_of_life(lease_s * _LEASES_SILENT), at=self._clock.now())
        self._answers.say_later(replace(beat, holds=tuple(holds())))

    def farewell(self) -> None:
        """The worker's lease ends now."""
        self._answers.say_later(self._sign_of_life(0.0))

    def _sign_of_life(self, lease_s: float) -> Heartbeat:
        host, pid = self._whereabouts
        return Heartbeat(worker=self.worker, host=host, pid=pid, lease_s=lease_s, key=self._key)

    def began(self, holdings: Sequence[HeldMessage]) -> None:
        """Tell of starts soon; at once where the job was given out before: it may have ended its worker.

        What ends workers faster than they can tell would never be found out.
        """
        suspects = [holding for holding in holdings if holding.message.receipts > 1]
        if suspects:
            self._answers.say_at_once(*(self._start(each) for each in suspects))
        rest = [self._start(each) for each in holdings if each not in suspects]
        if rest:
            self._answers.say_later(*rest)

    def _start(self, holding: HeldMessage) -> JobStarted:
        job_id, fence = holding.key
        return JobStarted(
            job_id=job_id,
            fence=fence,
            worker=self.worker,
            at=holding.claimed_at,
            token=holding.offer.token,
            key=self._key,
        )

    def answer(self, holding: HeldMessage, settlement: Settlement) -> JobResult:
        """How a job ended, in words yet to be sent."""
        return JobResult(
            job_id=settlement.job_id,
            fence=settlement.fence,
            worker=self.worker,
            at=holding.claimed_at,
            outcome=settlement.outcome,
            token=holding.offer.token,
            key=self._key,
        )
