"""A media store that is away for a while: a fleet waits for it, and no job is lost or blamed for it.

A job that fails while the store cannot be reached keeps its slot until the store answers again, so that a
worker takes nothing new meanwhile, and is handed back then: interrupted, no attempt spent.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError, Interrupted, TransientError
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.store.store import Store

_BACKOFF = BackoffPolicy(base_s=1.0, cap_s=20.0, jitter=0.5)


class StoreOutage:
    """Outlasts the outages of `store`; each is told to `on_said` once, and its end."""

    def __init__(
        self,
        store: Store,
        on_said: Callable[[str], None],
        *,
        backoff: BackoffPolicy = _BACKOFF,
        seed: int | None = None,
    ) -> None:
        self._store = store
        self._on_said = on_said
        self._backoff = backoff
        self._rng = random.Random(seed)  # noqa: S311 - jitter, not a secret
        self._away = False
        self._turn = threading.Lock()

    def outlasted(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """The handlers, none of which fails because the store is away."""
        return {kind: self._outlasted(handler) for kind, handler in handlers.items()}

    def _outlasted(self, inner: Handler) -> Handler:
        def handle(job: Job, context: JobContext) -> Done:
            try:
                return inner(job, context)
            except TransientError as error:
                if not self._is_away():
                    raise
                self._await(context)
                raise Interrupted(f"the store was away: {error.message}") from error

        return handle

    def _await(self, context: JobContext) -> None:
        backoff = Backoff(self._backoff, wait=context.stop.wait, rng=self._rng)
        while backoff.pause() and not context.stop.requested and self._is_away():
            pass

    def _is_away(self) -> bool:
        try:
            self._store.check()
        except TransientError as error:
            self._note(away=True, said=f"{error.message}; jobs wait for it")
            return True
        except EddylineError:  # it is there, and says no: waiting helps nobody
            return False
        self._note(away=False, said="the store is there again")
        return False

    def _note(self, *, away: bool, said: str) -> None:
        with self._turn:
            if away == self._away:
                return
            self._away = away
        self._on_said(said)
