"""What was made on the way to an asset is not needed once the asset is published, and costs money to keep."""

from __future__ import annotations

from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.pipeline.planning.job_spec import checked_asset
from eddyline.pipeline.planning.plan import is_plan, parts_prefix
from eddyline.pipeline.runtime.runtime import Runtime


def tidy(runtime: Runtime) -> Handler:
    """The handler of `tidy` jobs: it keeps no part of its own, which would lie in the folder it removes."""

    def handle(job: Job, context: JobContext) -> Done:
        context.stop.check()
        folder = parts_prefix(checked_asset(job))
        # The plans first: who is late sees by that, that what it makes is not wanted any more.
        for key in list(runtime.store.list(folder)):
            if is_plan(key):
                runtime.store.delete(key)
        runtime.store.delete(folder)
        runtime.upload_cleanup.tidy(job.asset)
        return Done(result={})

    return handle
