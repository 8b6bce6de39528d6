"""Maps job kinds to the steps that run them, and composes the handlers of a worker.

A step is imported when its first job runs, so that the poster does not wait for the imports of later steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from eddyline.core.lazy_names import import_packages, lazy_function
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Runtime, Task
from eddyline.pipeline.runtime.step_handler import Step, step_handler
from eddyline.pipeline.runtime.store_outage import StoreOutage

_PACKAGE: Final = "eddyline.pipeline.steps"
_USED_BY_JOBS: Final = ("core", "store", "mp4", "gpmf", "media", "edit", "page", "pipeline")
_KINDS: Final = (
    *("analyze", "poster", "pictures", "samples", "subtitles", "telemetry", "audio"),
    *("chunk", "preview", "extend", "assemble", "package", "quality", "publish"),
)
STEPS: Final[Mapping[str, Step]] = {kind: lazy_function(f"{_PACKAGE}.{kind}", kind) for kind in _KINDS}
"""By job kind, the function of that name in the module of that name."""

_AFTER: Final[Mapping[str, Callable[[Task, Part], None]]] = {
    "poster": lazy_function(f"{_PACKAGE}.poster", "copy_poster"),
    "preview": lazy_function("eddyline.pipeline.publication.preview_files", "show_preview"),
    "extend": lazy_function("eddyline.pipeline.publication.preview_files", "show_preview"),
}
_HANDLERS: Final = ("inspect", "ladder", "tidy")  # modules that compose their handler themselves


def import_job_modules() -> None:
    """Import all that jobs use, for a process that runs for weeks (see `import_packages`)."""
    import_packages(*(f"eddyline.{package}" for package in _USED_BY_JOBS))


def _handler(module: str, runtime: Runtime) -> Handler:
    """The handler that the function `module` of that module composes at each job."""
    compose = lazy_function(f"{_PACKAGE}.{module}", module)

    def handle(job: Job, context: JobContext) -> Done:
        done: Done = compose(runtime)(job, context)
        return done

    return handle


def handlers(runtime: Runtime, outage: StoreOutage | None = None) -> dict[str, Handler]:
    """The worker's handlers, by job kind. With `outage`, no job fails because the store is unavailable."""
    composed = {name: _handler(name, runtime) for name in _HANDLERS}
    for kind, step in STEPS.items():
        composed[kind] = step_handler(runtime, step, after=_AFTER.get(kind))
    if outage is not None:
        return {kind: outage.wait_out(handler) for kind, handler in composed.items()}
    return composed
