"""The loop of `eddyline ingest`: receives messages about new objects and submits those that are sources.

Messages arrive at least once, in any order, late, and from anyone. Every message ends: done, parked with a
reason for an operator, or postponed while the store or the ledger is unavailable. Any number of processes may
run concurrently and be killed at any time: submitting is idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError, Interrupted, TransientError, UsageError
from eddyline.core.formatting import format_count
from eddyline.core.stop import Stop
from eddyline.ingest.decide import retry_delay_s
from eddyline.ingest.decisions import Cause, Ignore, Park, Submit, Verdict, newest_events
from eddyline.ingest.messages import IngestOutcome, Message, MessageSource
from eddyline.ingest.process_object import ChaptersPendingError, ObjectProcessor

_WAIT_S = 0.5  # after which a stop is noticed
_GRACE_S = 1.0  # for messages in progress when the stop is raised
_BACKOFF = BackoffPolicy(base_s=1.0, cap_s=30.0)
_TIMESTAMP_S = 1.0  # the resolution of upload times
_NO_ACCESS = "this process has no access"


class _NoAccessError(Exception):
    """Not the message but this process is refused: its settings or permissions are wrong."""

    def __init__(self, cause: EddylineError) -> None:
        super().__init__(cause.message)
        self.cause = cause


@dataclass(kw_only=True)
class IngestLoop:
    """Processes messages, up to `threads` at a time.

    `check_access` accesses the store and the ledger. It raises `UsageError` if this process is refused, which
    ends the loop instead of parking every message, and `TransientError` if they are unavailable, which
    postpones messages. A message that fails at each of `source.max_receive_count` receipts, although both are
    available, is parked.
    """

    source: MessageSource
    parse: Callable[[str], Sequence[Verdict]]
    processor: ObjectProcessor
    check_access: Callable[[], None]
    stop: Stop
    on_outcome: Callable[[IngestOutcome], None]
    threads: int = 4
    on_round: Callable[[], None] = lambda: None  # called about every second

    def run(self) -> None:
        """Process messages until the stop is raised. Raises `UsageError` if this process has no access."""
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="ingest")
        backoff = Backoff(_BACKOFF, wait=self.stop.wait)
        try:
            while not self.stop.requested:
                self.on_round()
                if self._process_batch(pool):
                    backoff.reset()
                else:
                    backoff.pause()
        except _NoAccessError as error:
            raise error.cause from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _process_batch(self, pool: ThreadPoolExecutor) -> bool:
        """Receive and process messages; False if queue, store or ledger were unavailable for all of them."""
        try:
            messages = self.source.receive(_WAIT_S)
        except TransientError as error:
            self.on_outcome(IngestOutcome(what="postponed", message="", reason=error.message))
            return False
        # Lowest receive count first: a message that kills its receivers must not take the others along.
        ordered = sorted(messages, key=lambda message: message.receive_count)
        futures = [pool.submit(self._process, message) for message in ordered]
        self._await(futures)
        available = [each.result() for each in futures if each.done() and not each.cancelled()]
        return not available or any(available)

    def _await(self, futures: Sequence[Future[bool]]) -> None:
        left = set(futures)
        while left and not self.stop.requested:
            self.on_round()
            left = wait(left, timeout=_WAIT_S).not_done
        # Messages that are not started postpone themselves; unfinished ones become visible to others later.
        wait(left, timeout=_GRACE_S)

    def _process(self, message: Message) -> bool:
        """Process and settle one message; returns whether the store and the ledger were available."""
        if self.stop.requested:
            self._postpone(message, 0.0, "the process is stopping")
            return True
        if message.receive_count > self.source.max_receive_count:
            reason = f"received {message.receive_count} times by processes that did not finish"
            self._park(message, Park(reason=reason, cause=Cause.DEADLY))
            return True
        try:
            parked = self._apply(message)
        except _NoAccessError:
            self._postpone(message, 0.0, _NO_ACCESS)
            raise
        except (Interrupted, ChaptersPendingError) as pending:
            delay_s = pending.left_s + _TIMESTAMP_S if isinstance(pending, ChaptersPendingError) else 0.0
            self._postpone(message, delay_s, str(pending))
            return True
        except EddylineError as error:  # transient: the processor handles all others
            return self._retry_later(message, error)
        except Exception as error:  # noqa: BLE001 - no message may stop the processing of the others
            self._fail(message, f"{type(error).__name__}: {error}")
            return True
        if parked:
            self._park(message, *parked)
        else:
            self._settle(message, lambda: self.source.acknowledge(message))
        return True

    def _retry_later(self, message: Message, error: EddylineError) -> bool:
        """Postpone after a transient error; returns whether the store and the ledger are available."""
        try:
            self._check()
        except _NoAccessError:
            self._postpone(message, 0.0, _NO_ACCESS)
            raise
        except TransientError:
            self._postpone(message, retry_delay_s(message.receive_count), error.message)
            return False
        self._fail(message, error.message)
        return True

    def _fail(self, message: Message, error: str) -> None:
        """Retry the message, or park it after too many attempts."""
        if message.receive_count >= self.source.max_receive_count:
            reason = f"failed {format_count(message.receive_count, 'time')}; last error: {error}"
            self._park(message, Park(reason=reason, cause=Cause.FAILING))
        else:
            self._postpone(message, retry_delay_s(message.receive_count), error, counts_as_attempt=True)

    def _apply(self, message: Message) -> list[Park]:
        """Apply the verdicts on a message; returns the reasons to park it, if any.

        Raises transient errors.
        """
        verdicts = self.parse(message.body)
        for verdict in verdicts:
            if isinstance(verdict, Ignore):
                self.on_outcome(IngestOutcome(what="ignored", message=message.id, reason=verdict.reason))
        parked = [each for each in verdicts if isinstance(each, Park)]
        pending: list[ChaptersPendingError] = []
        for event in newest_events(each for each in verdicts if isinstance(each, Submit)):
            try:
                outcome = self._process_object(event, message.id)
            except ChaptersPendingError as error:
                pending.append(error)
                continue
            if isinstance(outcome, Park):
                parked.append(Park(reason=f"{event.address}: {outcome.reason}", cause=outcome.cause))
            else:
                self.on_outcome(outcome)
        if pending:  # the whole message is received again, and parked then if it has to be
            raise max(pending, key=lambda error: error.left_s)
        return parked

    def _process_object(self, event: Submit, message: str) -> IngestOutcome | Park:
        try:
            return self.processor.process(event, message)
        except UsageError as error:
            self._check()
            return Park(reason=str(error), cause=Cause.REFUSED)

    def _check(self) -> None:
        """Distinguish a refused object from a refused process, which raises `_NoAccessError`."""
        try:
            self.check_access()
        except UsageError as error:
            raise _NoAccessError(error) from error

    def _postpone(
        self, message: Message, delay_s: float, reason: str, *, counts_as_attempt: bool = False
    ) -> None:
        self.on_outcome(IngestOutcome(what="postponed", message=message.id, reason=reason))
        self._settle(
            message, lambda: self.source.postpone(message, delay_s, counts_as_attempt=counts_as_attempt)
        )

    def _park(self, message: Message, *verdicts: Park) -> None:
        reason = "; ".join(each.reason for each in verdicts)
        outcome = IngestOutcome(what="parked", message=message.id, reason=reason, cause=verdicts[0].cause)
        self.on_outcome(outcome)
        self._settle(message, lambda: self.source.park(message, reason))

    def _settle(self, message: Message, action: Callable[[], None]) -> None:
        try:
            action()
        except TransientError as error:  # the message is received again
            self.on_outcome(IngestOutcome(what="postponed", message=message.id, reason=error.message))
        except UsageError as error:
            raise _NoAccessError(error) from error
