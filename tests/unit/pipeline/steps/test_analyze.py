"""The job `analyze` probes real frames, the same ones at each start."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.open_source import main_video
from eddyline.media.source.probe import probe
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.steps.analyze import analyze
from eddyline.pipeline.steps.ladder import select
from eddyline.store.ranges import FileRanges

PROFILE = Profile.model_validate(
    {
        "name": "tiny",
        "rungs": [
            {"height": 90, "crf": 40, "preset": "ultrafast", "maxrate_kbps": 4000, "bufsize_kbps": 8000}
        ],
        "smart": {"target_vmaf": 90},
    }
)


def _task(clip: Path, work: Path, tools: Toolchain) -> Any:
    @contextmanager
    def open_source() -> Iterator[IndexedSource]:
        with FileRanges(clip) as src:
            movie = read_movie(src)
            track = main_video(movie)
            yield IndexedSource(
                src=src, movie=movie, track=track, presentation=build_presentation(movie, track)
            )

    with FileRanges(clip) as src:
        facts = probe(src, read_movie(src), runner=Runner(), tools=tools, work=work, container="mp4")
    plan = Plan.create(asset="0" * 16, name="a", facts=facts, profile=PROFILE, toolchain="t")
    return SimpleNamespace(
        plan=plan,
        index=0,
        work=work,
        runner=Runner(),
        runtime=SimpleNamespace(tools=tools),
        context=SimpleNamespace(progress=lambda _: None),
        open_source=open_source,
    )


def test_the_probes_move_towards_the_target_and_are_the_same_again(tmp_path: Path, ffmpeg: str) -> None:
    clip = tmp_path / "in.mp4"
    source = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=2")
    encode = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", str(clip))
    subprocess.run([ffmpeg, "-v", "error", *source, *encode], check=True)
    task = _task(clip, tmp_path, Toolchain.find())
    result = analyze(task).result
    assert analyze(task).result == result
    probes = result["probes"]["90p"]
    assert len(probes) == 3
    starts = {start for _, start, *_ in probes}
    assert all(start % 10 == 0 for start in starts)
    crfs = [crf for _, _, crf, *_ in probes]
    assert crfs[0] == 40
    assert len(set(crfs)) > 1
    assert all(len(vmaf) == 4 for *_, vmaf, _, _ in probes)
    selection = select(task.plan, [result["probes"]])
    assert selection.crfs["90p"][0] < 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4"]
