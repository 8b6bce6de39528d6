"""Jobs that end too late: what they make of an asset that has been tidied up is removed by themselves."""

from __future__ import annotations

import contextlib

from eddyline.core.errors import EddylineError
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.pipeline.planning.job_spec import StepSpec
from eddyline.pipeline.runtime.runtime import Runtime


def cleaning_up(runtime: Runtime, inner: Handler) -> Handler:
    """The handler `inner`; if the plan is gone when it ends, so is what it left.

    A worker that was frozen and given up for lost may wake up long after others have finished its asset. Its
    answer no longer counts, but its files would lie in the store for ever. `tidy` removes the plan before
    all else, so whatever it does not see any more is seen here.
    """

    def handle(job: Job, context: JobContext) -> Done:
        plan = runtime.plan(StepSpec.of(job).plan)
        try:
            return inner(job, context)
        finally:
            with contextlib.suppress(EddylineError):  # then a lifecycle rule sees to it
                if runtime.store.size(plan.key) is None:
                    runtime.store.delete(plan.folder)

    return handle
