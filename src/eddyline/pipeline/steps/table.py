"""Maps job kinds to the steps that run them, and composes the handlers of a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from eddyline.graph.worker.handler import Handler
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Runtime, Task
from eddyline.pipeline.runtime.step_handler import Step, step_handler
from eddyline.pipeline.runtime.store_outage import StoreOutage
from eddyline.pipeline.steps.assemble import assemble
from eddyline.pipeline.steps.audio import audio
from eddyline.pipeline.steps.chunk import chunk
from eddyline.pipeline.steps.inspect import inspect
from eddyline.pipeline.steps.package import package
from eddyline.pipeline.steps.pictures import copy_poster, pictures, poster
from eddyline.pipeline.steps.publish import publish
from eddyline.pipeline.steps.samples import samples
from eddyline.pipeline.steps.subtitles import subtitles
from eddyline.pipeline.steps.telemetry import telemetry
from eddyline.pipeline.steps.tidy import tidy

STEPS: Final[Mapping[str, Step]] = {
    "poster": poster,
    "pictures": pictures,
    "samples": samples,
    "subtitles": subtitles,
    "telemetry": telemetry,
    "audio": audio,
    "chunk": chunk,
    "assemble": assemble,
    "package": package,
    "publish": publish,
}
_AFTER: Final[Mapping[str, Callable[[Task, Part], None]]] = {"poster": copy_poster}


def handlers(runtime: Runtime, outage: StoreOutage | None = None) -> dict[str, Handler]:
    """The worker's handlers, by job kind. With `outage`, no job fails because the store is unavailable."""
    composed = {"inspect": inspect(runtime), "tidy": tidy(runtime)}
    for kind, step in STEPS.items():
        composed[kind] = step_handler(runtime, step, after=_AFTER.get(kind))
    if outage is not None:
        return {kind: outage.wait_out(handler) for kind, handler in composed.items()}
    return composed
