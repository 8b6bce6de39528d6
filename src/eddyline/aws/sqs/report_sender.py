"""What a worker says, on its way to the coordinators: starts and beats when convenient, answers at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.message_body import TooLongError, seal
from eddyline.core.background_loop import keep_running
from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError, TransientError
from eddyline.graph.coordinator.wire import WireError, report_from_json, report_to_json
from eddyline.graph.job import Failed
from eddyline.graph.messages import Heartbeat, JobResult, JobStarted, WorkerReport

_TOGETHER = 200  # facts in one message
# Starts of jobs shorter than this are never told: their answer says it all. A cancellation finds its worker
# only once the start is known, and must stop the job within 2 s.
_LATER_S = 0.25
_MOST_LATER = 10_000
_BACKOFF = BackoffPolicy(base_s=0.1, cap_s=1.0)
_END_S = 1.0


class ReportSender:
    """Sends facts to the queue of answers. Safe from any thread."""

    def __init__(self, queues: SqsClient) -> None:
        self._queues = queues
        self._changed = threading.Condition()
        self._later: list[WorkerReport] = []
        self._closed = False
        self._thread = threading.Thread(target=self._keep_flushing, name="answers", daemon=True)
        self._thread.start()

    def say_later(self, *facts: WorkerReport) -> None:
        """Soon, or never if it turns out to be superfluous; facts may be lost."""
        with self._changed:
            self._later = (self._later + list(facts))[-_MOST_LATER:]
            self._changed.notify_all()

    def say_at_once(self, *facts: WorkerReport) -> None:
        """Before this returns, if that goes; else soon."""
        try:
            self._send(facts)
        except TransientError:
            self.say_later(*facts)

    def say(self, facts: Sequence[JobResult], *, patience_s: float) -> None:
        """Now; when this returns, the queue has them. Raises `QueueError` once patience ends."""
        keys = {(fact.job_id, fact.fence) for fact in facts}
        with self._changed:
            told = [fact for fact in self._later if not _is_start_of(fact, keys)]
            self._later = []
        backoff = Backoff(_BACKOFF, deadline=time.monotonic() + patience_s)
        while True:
            try:
                self._send([*told, *facts])
            except TransientError:
                if not backoff.pause():
                    raise
            else:
                return

    def forget_start(self, job_id: str, fence: int) -> bool:
        """Do not tell of a start after all; False: it has been told."""
        with self._changed:
            rest = [fact for fact in self._later if not _is_start_of(fact, {(job_id, fence)})]
            forgotten = len(rest) < len(self._later)
            self._later = rest
        return forgotten

    def close(self) -> None:
        """Say what is left, if that goes at once, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=_END_S)  # else the process may end before its last word is out

    def _keep_flushing(self) -> None:
        while True:
            with self._changed:
                while not self._later and not self._closed:
                    self._changed.wait()
                if not self._closed:
                    self._changed.wait_for(lambda: self._closed, _LATER_S)
                facts, self._later = self._later, []
                closed = self._closed
            keep_running("reports", partial(self._flush, facts, last=closed))
            if closed:
                return

    def _flush(self, facts: Sequence[WorkerReport], *, last: bool) -> None:
        try:
            self._send(facts)
        except EddylineError:
            if not last:
                self.say_later(*facts)

    def _send(self, facts: Sequence[WorkerReport]) -> None:
        bodies = [
            body
            for start in range(0, len(facts), _TOGETHER)
            for body in _sealed(facts[start : start + _TOGETHER])
        ]
        if bodies and not all(self._queues.send(self._queues.naming.answers, bodies)):
            raise TransientError("the queue did not take all answers")


def _is_start_of(fact: WorkerReport, keys: set[tuple[str, int]]) -> bool:
    return isinstance(fact, JobStarted) and (fact.job_id, fact.fence) in keys


def _sealed(facts: Sequence[WorkerReport]) -> list[str]:
    """Bodies for facts: as many as it takes; an answer too long even alone becomes a failure that says so."""
    try:
        plain = [report_to_json(fact) for fact in facts]
        body = seal({"v": 1, "facts": plain})
        for each in (
            plain
        ):  # a report that coordinators would park must not be sent: the job would run again without end
            report_from_json(each)
    except (TooLongError, WireError, TypeError, ValueError, RecursionError) as error:
        if len(facts) > 1:
            middle = len(facts) // 2
            return _sealed(facts[:middle]) + _sealed(facts[middle:])
        return [seal({"v": 1, "facts": [report_to_json(_refused(facts[0], error))]})]
    return [body]


def _refused(fact: WorkerReport, error: Exception) -> WorkerReport:
    if isinstance(fact, Heartbeat):
        return replace(fact, host="", holds=None)
    if isinstance(fact, JobStarted):
        return fact
    evidence = (
        error.evidence()
        if isinstance(error, EddylineError)
        else {"error": "NotJson", "message": f"the job's answer is not JSON: {error}", "remedy": "report it"}
    )
    return replace(fact, outcome=Failed(error=evidence, retry=False))
