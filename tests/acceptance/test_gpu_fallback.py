"""A run whose GPU breaks in the middle of an asset completes on CPUs, with one encoder in all chunks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.fleet.pools import load_pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.ladder.profile import Profile
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.runs.embedded import open_session
from eddyline.pipeline.runs.run_directory import RunDirectory

_FAKE = Path(__file__).parent.parent / "unit/pipeline/fake_gpu_ffmpeg.py"
_PROFILE = Profile.model_validate(
    {
        "name": "gpu",
        "rungs": [
            {"height": height, "codec": "h264", "encoder": "h264_nvenc", "crf": 30, "preset": "p1"}
            | {"maxrate_kbps": 1000, "bufsize_kbps": 2000}
            for height in (180, 146)
        ],
        "gop_s": 0.5,
        "segment_s": 0.5,
        "package": False,
        "pictures": {"thumbs": 0, "storyboard": None},
    }
)


def _fake_tools(directory: Path, tools: Toolchain, chunks: int, error: str) -> Toolchain:
    directory.mkdir()
    program = directory / "ffmpeg"
    program.write_text(f"#!{sys.executable} -IS\n{_FAKE.read_text()}")
    program.chmod(0o755)
    (directory / "real").write_text(str(tools.ffmpeg))
    (directory / "chunks").write_text(str(chunks))
    (directory / "error").write_text(error)
    return Toolchain.find(program, cache=directory / "cache")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    source = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=3")
    argv = (ffmpeg, "-nostdin", "-v", "error", *source, "-c:v", "libx264", "-preset", "ultrafast", str(path))
    Runner().run(argv)
    return path


@pytest.mark.parametrize(
    ("chunks", "error", "encoder"),
    [
        (99, "", "h264_nvenc"),
        (1, "[h264_nvenc @ 0x1] EncodePicture failed!: CUDA_ERROR_LAUNCH_FAILED", "libx264"),
    ],
)
def test_the_manifest_names_the_encoder_of_all_frames(
    tmp_path: Path, tools: Toolchain, clip: Path, chunks: int, error: str, encoder: str
) -> None:
    fake = _fake_tools(tmp_path / "fake", tools, chunks, error)
    out = tmp_path / "out"
    with open_session(
        out, tools=fake, pools=load_pools(), stop=Stop(), on_event=lambda _event: None, slots=1
    ) as session:
        report = session.run([str(clip)], _PROFILE)
    assert not report.failed, report.failed
    (path,) = out.glob("assets/*/manifest.json")
    manifest = json.loads(path.read_text())
    assert [each["encoder"] for each in manifest["renditions"]] == [encoder] * 2
    assert [each["frames"] for each in manifest["renditions"]] == [72, 72]
    assert manifest["proof"]["idr_grid_equal"]
    with Ledger.open(RunDirectory(out).ledger) as ledger:
        chunk_jobs = [job for job in ledger.jobs() if job.kind == "chunk"]
    planned = [job for job in chunk_jobs if not job.id.endswith("-software")]
    on_gpu = (tmp_path / "fake/log").read_text().splitlines()
    assert len(on_gpu) == min(chunks, len(planned))
    assert len(planned) > 1
    assert any(job.id.endswith("-software") for job in chunk_jobs) == (encoder == "libx264")
