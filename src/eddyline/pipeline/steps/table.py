"""Maps job kinds to the steps that run them, and composes the handlers of a worker.

A step is imported when its first job runs, so that the poster does not wait for the imports of later steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Runtime, Task
from eddyline.pipeline.runtime.step_handler import Step, StepOutput, step_handler
from eddyline.pipeline.runtime.store_outage import StoreOutage

_PACKAGE: Final = "eddyline.pipeline.steps"


def _step(module: str) -> Step:
    """The step of a module, which is imported when its first job runs."""

    def run(task: Task) -> StepOutput:
        output: StepOutput = _load(module)(task)
        return output

    return run


def _load(module: str, function: str = "") -> Callable[..., Any]:
    loaded: Callable[..., Any] = getattr(import_module(f"{_PACKAGE}.{module}"), function or module)
    return loaded


STEPS: Final[Mapping[str, Step]] = {
    "poster": _step("poster"),
    "pictures": _step("pictures"),
    "samples": _step("samples"),
    "subtitles": _step("subtitles"),
    "telemetry": _step("telemetry"),
    "audio": _step("audio"),
    "chunk": _step("chunk"),
    "assemble": _step("assemble"),
    "package": _step("package"),
    "publish": _step("publish"),
}


def load_steps() -> None:
    """Import all steps: a worker that runs for weeks must not import files that an upgrade has replaced."""
    for module in ("inspect", "tidy", *STEPS):
        import_module(f"{_PACKAGE}.{module}")


def _copy_poster(task: Task, part: Part) -> None:
    _load("poster", "copy_poster")(task, part)


def _handler(module: str, runtime: Runtime) -> Handler:
    """The handler of a module that composes one itself."""

    def handle(job: Job, context: JobContext) -> Done:
        done: Done = _load(module)(runtime)(job, context)
        return done

    return handle


_AFTER: Final[Mapping[str, Callable[[Task, Part], None]]] = {"poster": _copy_poster}


def handlers(runtime: Runtime, outage: StoreOutage | None = None) -> dict[str, Handler]:
    """The worker's handlers, by job kind. With `outage`, no job fails because the store is unavailable."""
    composed = {name: _handler(name, runtime) for name in ("inspect", "tidy")}
    for kind, step in STEPS.items():
        composed[kind] = step_handler(runtime, step, after=_AFTER.get(kind))
    if outage is not None:
        return {kind: outage.wait_out(handler) for kind, handler in composed.items()}
    return composed
