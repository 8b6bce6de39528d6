"""Messages about new objects, received and worked off: each object that is footage is submitted.

Messages come at least once, in any order, late, and from anyone. Whatever one says, it ends: done, parked
with a reason for people, or left for later because the store or the ledger is away. Any number of processes
may do this side by side, and be killed at any moment: submitting is safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from eddyline.core.addresses import Address
from eddyline.core.errors import EddylineError, Interrupted, TransientError, UsageError
from eddyline.core.objectfacts import ObjectFacts
from eddyline.core.stop import Stop
from eddyline.media.profile import Profile
from eddyline.pipeline.ingest.deciding import decide, delay_s, is_own
from eddyline.pipeline.ingest.messages import Arrivals, Message, Note
from eddyline.pipeline.ingest.rules import Rules, Take
from eddyline.pipeline.ingest.verdicts import Cause, Ignore, Park, Submit, Verdict, newest
from eddyline.pipeline.submit import Submitted
from eddyline.pipeline.terms import Terms
from eddyline.pipeline.words import count

_WAIT_S = 0.5  # so soon a stop is noticed
_GRACE_S = 1.0  # for what is in hand when told to stop
_LONGEST_PAUSE_S = 30.0


Look = Callable[[str, str], ObjectFacts | None]
"""(bucket, key) -> what the object is now; None if it is gone."""
Submitter = Callable[[str, Profile, Terms], Submitted]
"""(address, profile, terms) -> the asset."""


class _HaltError(Exception):
    """It is not the message but this process that is refused: its own settings are wrong."""

    def __init__(self, cause: EddylineError) -> None:
        super().__init__(cause.message)
        self.cause = cause


@dataclass(kw_only=True)
class Ingest:
    """Works messages off, `hands` at a time. `store` is where results go: nothing of it is ever ingested.

    `check` asks store and ledger something that must work. It raises `UsageError` if this process may not:
    then it ends, rather than park everything that it is told; and `TransientError` if they are away: then
    messages wait. What failed at each of `arrivals.limit` receipts, though all was there, is parked.
    """

    arrivals: Arrivals
    parse: Callable[[str], Sequence[Verdict]]
    rules: Rules
    store: Address
    look: Look
    submit: Submitter
    check: Callable[[], None]
    stop: Stop
    on_note: Callable[[Note], None]
    hands: int = 4

    def run(self) -> None:
        """Work until told to stop. Raises `UsageError` if this process is refused what it needs."""
        pool = ThreadPoolExecutor(self.hands, thread_name_prefix="ingest")
        pause = 0.0
        try:
            while not self.stop.requested:
                world_was_there = self._round(pool)
                pause = 0.0 if world_was_there else min(max(pause * 2, 1.0), _LONGEST_PAUSE_S)
                self.stop.wait(pause)
        except _HaltError as halt:
            raise halt.cause from halt
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _round(self, pool: ThreadPoolExecutor) -> bool:
        """Some messages, worked off; whether the world was there for any of them."""
        try:
            messages = self.arrivals.receive(_WAIT_S)
        except TransientError as error:
            self.on_note(Note(what="postponed", message="", reason=error.message))
            return False
        # First those that came seldom: one that brings down whoever has it must not take them along.
        ordered = sorted(messages, key=lambda message: message.receipts)
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
        if message.receipts > self.arrivals.limit:
            why = f"received {message.receipts} times, and whoever had it came to no end"
            self._park(message, Park(reason=why, cause=Cause.DEADLY))
            return True
        try:
            parked = self._treat(message)
        except _HaltError:
            self._again(message, 0.0, "this process is refused what it needs")
            raise
        except Interrupted as error:
            self._again(message, 0.0, error.message)
            return True
        except EddylineError as error:  # only those that may pass come so far
            return self._passing(message, error)
        except Exception as error:  # noqa: BLE001 - whatever a message sets off, it must not stop the others
            self._failed(message, f"{type(error).__name__}: {error}")
            return True
        if parked:
            self._park(message, *parked)
        else:
            self._settle(message, lambda: self.arrivals.done(message))
        return True

    def _passing(self, message: Message, error: EddylineError) -> bool:
        """See to a message that may do better later; whether the store and the ledger are there."""
        try:
            self._check()
        except _HaltError:
            self._again(message, 0.0, "this process is refused what it needs")
            raise
        except TransientError:
            self._again(message, delay_s(message.receipts), error.message)
            return False
        self._failed(message, error.message)
        return True

    def _failed(self, message: Message, why: str) -> None:
        if message.receipts >= self.arrivals.limit:
            reason = f"failed {count(message.receipts, 'time')}, at last by {why}"
            self._park(message, Park(reason=reason, cause=Cause.FAILING))
        else:
            self._again(message, delay_s(message.receipts), why, spent=True)

    def _treat(self, message: Message) -> list[Park]:
        """Do what a message asks for; why to park it, if so. Raises `TransientError` and its like."""
        verdicts = self.parse(message.body)
        for ignored in verdicts:
            if isinstance(ignored, Ignore):
                self.on_note(Note(what="ignored", message=message.id, reason=ignored.reason))
        parked = [each for each in verdicts if isinstance(each, Park)]
        for told in newest(each for each in verdicts if isinstance(each, Submit)):
            note = self._object(message.id, told)
            if isinstance(note, Park):
                parked.append(Park(reason=f"{told.address}: {note.reason}", cause=note.cause))
            else:
                self.on_note(note)
        return parked

    def _object(self, message: str, told: Submit) -> Note | Park:
        """Submit one object, or say why not."""
        note = Note(what="ignored", message=message, address=told.address)
        if is_own(told, self.store):
            return replace(note, reason="a result of Eddyline's own")
        try:
            found = self.look(told.bucket, told.key)
            decided = decide(told, found, self.rules)
            if isinstance(decided, Take):
                made = self.submit(told.address, decided.profile, decided.terms)
                uploaded = found.at if found else None
                return replace(
                    note, what="submitted", reason=made.standing, asset=made.asset, uploaded=uploaded
                )
        except EddylineError as error:
            if error.retry:
                raise
            if isinstance(error, UsageError):
                self._check()
            return Park(reason=str(error), cause=Cause.REFUSED)
        return replace(note, reason=decided.reason) if isinstance(decided, Ignore) else decided

    def _check(self) -> None:
        """Tell an object that is refused from a process that is."""
        try:
            self.check()
        except UsageError as error:
            raise _HaltError(error) from error

    def _again(self, message: Message, delay: float, reason: str, *, spent: bool = False) -> None:
        self.on_note(Note(what="postponed", message=message.id, reason=reason))
        self._settle(message, lambda: self.arrivals.again(message, delay, spent=spent))

    def _park(self, message: Message, *why: Park) -> None:
        reason = "; ".join(each.reason for each in why)
        self.on_note(Note(what="parked", message=message.id, reason=reason, cause=why[0].cause))
        self._settle(message, lambda: self.arrivals.park(message, reason))

    def _settle(self, message: Message, act: Callable[[], None]) -> None:
        try:
            act()
        except TransientError as error:  # it comes again by itself
            self.on_note(Note(what="postponed", message=message.id, reason=error.message))
        except UsageError as error:
            raise _HaltError(error) from error
