"""Removes the parts of a published asset: they are not needed any more, and storing them costs money."""

from __future__ import annotations

from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.pipeline.planning.job_ids import is_plan
from eddyline.pipeline.planning.job_spec import checked_asset
from eddyline.pipeline.planning.output_layout import parts_prefix
from eddyline.pipeline.runtime.runtime import Runtime


def tidy(runtime: Runtime) -> Handler:
    """The handler of `tidy` jobs. It saves no part, which would be below the prefix that it removes."""

    def handle(job: Job, context: JobContext) -> Done:
        context.stop.check()
        prefix = parts_prefix(checked_asset(job))
        # Plans first: a late job recognises by the missing plan that its output is not needed any more.
        for key in list(runtime.store.list(prefix)):
            if is_plan(key):
                runtime.store.delete(key)
        runtime.store.delete(prefix)
        runtime.upload_cleanup.clean(job.asset)
        return Done(result={})

    return handle
