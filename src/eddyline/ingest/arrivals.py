"""Messages about new objects, received and worked off: each object that is footage is submitted.

Messages come at least once, in any order, late, and from anyone. Whatever one says, it ends: done, parked
with a reason for people, or left for later because the store or the ledger is away. Any number of processes
may do this side by side, and be killed at any moment: submitting is safe to repeat.
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

_WAIT_S = 0.5  # so soon a stop is noticed
_GRACE_S = 1.0  # for what is in hand when told to stop
_BACKOFF = BackoffPolicy(base_s=1.0, cap_s=30.0)
_AFTER_QUIET_S = 1.0  # uploads are dated in whole seconds


class _HaltError(Exception):
    """It is not the message but this process that is refused: its own settings are wrong."""

    def __init__(self, cause: EddylineError) -> None:
        super().__init__(cause.message)
        self.cause = cause


@dataclass(kw_only=True)
class IngestLoop:
    """Works messages off, `hands` at a time.

    `check` asks store and ledger something that must work. It raises `UsageError` if this process may not:
    then it ends, rather than park everything that it is told; and `TransientError` if they are away: then
    messages wait. What failed at each of `arrivals.max_receive_count` receive_count, though all was there, is
    parked.
    """

    source: MessageSource
    parse: Callable[[str], Sequence[Verdict]]
    processor: ObjectProcessor
    check_access: Callable[[], None]
    stop: Stop
    on_outcome: Callable[[IngestOutcome], None]
    threads: int = 4

    def run(self) -> None:
        """Work until told to stop. Raises `UsageError` if this process is refused what it needs."""
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="ingest")
        backoff = Backoff(_BACKOFF, wait=self.stop.wait)
        try:
            while not self.stop.requested:
                if self._round(pool):
                    backoff.reset()
                else:
                    backoff.pause()
        except _HaltError as halt:
            raise halt.cause from halt
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _round(self, pool: ThreadPoolExecutor) -> bool:
        """Some messages, worked off; whether the world was there for any of them."""
        try:
            messages = self.source.receive(_WAIT_S)
        except TransientError as error:
            self.on_outcome(IngestOutcome(what="postponed", message="", reason=error.message))
            return False
        # First those that came seldom: one that brings down whoever has it must not take them along.
        ordered = sorted(messages, key=lambda message: message.receive_count)
        working = [pool.submit(self._handle, message) for message in ordered]
        self._await(working)
        there = [each.result() for each in working if each.done() and not each.cancelled()]
        return not there or any(there)

    def _await(self, working: Sequence[Future[bool]]) -> None:
        left = set(working)
        while left and not self.stop.requested:
            left = wait(left, timeout=_WAIT_S).not_done
        # What is not begun hands itself back; what has no end by then is left to others.
        wait(left, timeout=_GRACE_S)

    def _handle(self, message: Message) -> bool:
        """See one message to its end; whether the store and the ledger were there for it."""
        if self.stop.requested:
            self._again(message, 0.0, "told to stop")
            return True
        if message.receive_count > self.source.max_receive_count:
            why = f"received {message.receive_count} times, and whoever had it came to no end"
            self._park(message, Park(reason=why, cause=Cause.DEADLY))
            return True
        try:
            parked = self._treat(message)
        except _HaltError:
            self._again(message, 0.0, "this process is refused what it needs")
            raise
        except (Interrupted, ChaptersPendingError) as left:
            after_s = left.left_s + _AFTER_QUIET_S if isinstance(left, ChaptersPendingError) else 0.0
            self._again(message, after_s, str(left))
            return True
        except EddylineError as error:  # only those that may pass come so far
            return self._passing(message, error)
        except Exception as error:  # noqa: BLE001 - whatever a message sets off, it must not stop the others
            self._failed(message, f"{type(error).__name__}: {error}")
            return True
        if parked:
            self._park(message, *parked)
        else:
            self._settle(message, lambda: self.source.acknowledge(message))
        return True

    def _passing(self, message: Message, error: EddylineError) -> bool:
        """See to a message that may do better later; whether the store and the ledger are there."""
        try:
            self._check()
        except _HaltError:
            self._again(message, 0.0, "this process is refused what it needs")
            raise
        except TransientError:
            self._again(message, retry_delay_s(message.receive_count), error.message)
            return False
        self._failed(message, error.message)
        return True

    def _failed(self, message: Message, why: str) -> None:
        if message.receive_count >= self.source.max_receive_count:
            reason = f"failed {format_count(message.receive_count, 'time')}, at last by {why}"
            self._park(message, Park(reason=reason, cause=Cause.FAILING))
        else:
            self._again(message, retry_delay_s(message.receive_count), why, counts_as_attempt=True)

    def _treat(self, message: Message) -> list[Park]:
        """Do what a message asks for; why to park it, if so. Raises `TransientError` and its like."""
        verdicts = self.parse(message.body)
        for ignored in verdicts:
            if isinstance(ignored, Ignore):
                self.on_outcome(IngestOutcome(what="ignored", message=message.id, reason=ignored.reason))
        parked = [each for each in verdicts if isinstance(each, Park)]
        waits: list[ChaptersPendingError] = []
        for told in newest_events(each for each in verdicts if isinstance(each, Submit)):
            try:
                note = self._take(told, message.id)
            except ChaptersPendingError as wait:
                waits.append(wait)
                continue
            if isinstance(note, Park):
                parked.append(Park(reason=f"{told.address}: {note.reason}", cause=note.cause))
            else:
                self.on_outcome(note)
        if waits:  # all of it comes again then, what is to be parked as well
            raise max(waits, key=lambda wait: wait.left_s)
        return parked

    def _take(self, told: Submit, message: str) -> IngestOutcome | Park:
        """See one object to its end."""
        try:
            return self.processor.take(told, message)
        except UsageError as error:
            self._check()
            return Park(reason=str(error), cause=Cause.REFUSED)

    def _check(self) -> None:
        """Tell an object that is refused from a process that is."""
        try:
            self.check_access()
        except UsageError as error:
            raise _HaltError(error) from error

    def _again(self, message: Message, delay: float, reason: str, *, counts_as_attempt: bool = False) -> None:
        self.on_outcome(IngestOutcome(what="postponed", message=message.id, reason=reason))
        self._settle(
            message, lambda: self.source.postpone(message, delay, counts_as_attempt=counts_as_attempt)
        )

    def _park(self, message: Message, *why: Park) -> None:
        reason = "; ".join(each.reason for each in why)
        self.on_outcome(IngestOutcome(what="parked", message=message.id, reason=reason, cause=why[0].cause))
        self._settle(message, lambda: self.source.park(message, reason))

    def _settle(self, message: Message, act: Callable[[], None]) -> None:
        try:
            act()
        except TransientError as error:  # it comes again by itself
            self.on_outcome(IngestOutcome(what="postponed", message=message.id, reason=error.message))
        except UsageError as error:
            raise _HaltError(error) from error
