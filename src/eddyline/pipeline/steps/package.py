"""HLS and DASH from the same segments."""

from __future__ import annotations

from eddyline.media.package import package as pack
from eddyline.pipeline.bench import Made, Task


def package(task: Task) -> Made:
    """Write "stream/master.m3u8", "stream/manifest.mpd" and all that they name."""
    out = task.work / "out"
    films = [
        (rung, task.local(task.part("assemble", rung.name), f"{rung.name}.mp4")) for rung in task.plan.rungs
    ]
    made = pack(films, task.plan.grid, tools=task.bench.tools, runner=task.runner, out_dir=out)
    return Made(
        files={name: out / name for name in made.files},
        result={"hls": made.hls, "dash": made.dash},
    )
