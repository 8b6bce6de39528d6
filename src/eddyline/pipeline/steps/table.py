"""Which step does which kind of job."""

from __future__ import annotations

from eddyline.graph.worker.handler import Handler
from eddyline.pipeline.runtime.encoder_consistency import one_build
from eddyline.pipeline.runtime.runtime import Runtime, handler
from eddyline.pipeline.runtime.stale_output_cleanup import cleaning_up
from eddyline.pipeline.steps.assemble import assemble
from eddyline.pipeline.steps.audio import audio
from eddyline.pipeline.steps.chunk import chunk
from eddyline.pipeline.steps.inspect import inspect
from eddyline.pipeline.steps.package import package
from eddyline.pipeline.steps.pictures import pictures, poster, show_poster
from eddyline.pipeline.steps.publish import publish
from eddyline.pipeline.steps.samples import samples
from eddyline.pipeline.steps.subtitles import subtitles
from eddyline.pipeline.steps.telemetry import telemetry
from eddyline.pipeline.steps.tidy import tidy


def handlers(runtime: Runtime) -> dict[str, Handler]:
    """The worker's handlers, by kind of job."""
    steps = {
        "poster": handler(runtime, poster, after=show_poster),
        "pictures": handler(runtime, pictures),
        "samples": handler(runtime, samples),
        "subtitles": handler(runtime, subtitles),
        "telemetry": handler(runtime, telemetry),
        "audio": handler(runtime, audio),
        "chunk": one_build(runtime, handler(runtime, chunk)),
        "assemble": handler(runtime, assemble),
        "package": handler(runtime, package),
        "publish": handler(runtime, publish),
    }
    planned = {kind: cleaning_up(runtime, step) for kind, step in steps.items()}
    return {"inspect": inspect(runtime), **planned, "tidy": tidy(runtime)}
