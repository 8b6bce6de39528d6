"""Removes the output of jobs that end after their asset was tidied."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from eddyline.core.errors import EddylineError
from eddyline.pipeline.planning.plan import Plan
from eddyline.store.store import Store


@contextlib.contextmanager
def remove_stale_output(store: Store, plan: Plan) -> Iterator[None]:
    """Run a job inside the context; if the plan was removed meanwhile, remove all parts of the plan.

    A worker that was frozen and declared lost may continue long after others have finished its asset. Its
    result does not count any more, but its files would stay in the store. `tidy` removes the plan before all
    else, so files that it does not list any more are found here.
    """
    try:
        yield
    finally:
        with contextlib.suppress(EddylineError):  # then a lifecycle rule of the store removes them
            if store.size(plan.key) is None:
                store.delete(plan.prefix)
