"""Waits for a media store that is unavailable, so that an outage fails no job.

A job that fails while the store cannot be reached keeps its slot until the store answers again, so the worker
claims no other jobs meanwhile. Then it is handed back as interrupted, which spends no attempt.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError, Interrupted, TransientError
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.store.store import Store

# Between two checks. Half of each delay is random, so that a fleet does not check all at once.
_POLICY = BackoffPolicy(base_s=1.0, cap_s=20.0, jitter=0.5)


class StoreOutage:
    """Waits out the outages of `store`.

    `on_unavailable` gets the error when an outage starts, once for all jobs; `on_available` is called at its
    end.
    """

    def __init__(
        self,
        store: Store,
        *,
        on_unavailable: Callable[[str], None],
        on_available: Callable[[], None],
        policy: BackoffPolicy = _POLICY,
        rng: random.Random | None = None,
    ) -> None:
        self._store = store
        self._on_unavailable = on_unavailable
        self._on_available = on_available
        self._policy = policy
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._unavailable = False
        self._lock = threading.Lock()

    def wait_out(self, handler: Handler) -> Handler:
        """The handler, interrupted instead of failed if it fails because the store is unavailable."""

        def handle(job: Job, context: JobContext) -> Done:
            try:
                return handler(job, context)
            except TransientError as error:
                if not self._is_unavailable():
                    raise
                backoff = Backoff(self._policy, wait=context.stop.wait, rng=self._rng)
                while not context.stop.requested:
                    backoff.pause()
                    if not self._is_unavailable():
                        break
                raise Interrupted(f"the store was unavailable: {error.message}") from error

        return handle

    def _is_unavailable(self) -> bool:
        try:
            self._store.check()
        except TransientError as error:
            if self._change(unavailable=True):
                self._on_unavailable(error.message)
            return True
        except EddylineError:  # the store answers, with a refusal: waiting does not help
            return False
        if self._change(unavailable=False):
            self._on_available()
        return False

    def _change(self, *, unavailable: bool) -> bool:
        """Record the state; True if it changed."""
        with self._lock:
            changed = unavailable != self._unavailable
            self._unavailable = unavailable
        return changed
