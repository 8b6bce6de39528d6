"""What a command must not import or start: start-up is a large part of the time of a short command."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

_PROGRAM = """
import sys
started = []
sys.addaudithook(lambda event, arguments: event == "subprocess.Popen" and started.append(arguments[0]))
from eddyline.cli.main import run_command
assert run_command() == 0
sys.stdout.flush()
print("MODULES", *sorted(sys.modules))
print("PROGRAMS", *started)
"""
# Packages by the command that must not import them, and modules of Eddyline by prefix.
_UNUSED_BY_ALL = (
    *("alembic", "boto3", "fastapi", "http", "numpy.ma", "obstore", "prometheus_client"),
    *("rich.live", "scipy", "sqlalchemy.orm", "structlog", "urllib.request"),
    *("eddyline.aws", "eddyline.ingest", "eddyline.library", "eddyline.observe", "eddyline.sim"),
    *("eddyline.web", "eddyline.app.fleet", "eddyline.app.edit", "eddyline.edit.combine"),
    *("eddyline.edit.strip_location", "eddyline.edit.trim", "eddyline.fleet.scaler"),
)
_UNUSED_BY_PROBE = (
    *(
        "asyncio",
        "sqlalchemy",
        "sqlite3",
        "ssl",
        "xml",
        "yaml",
        "eddyline.edit",
        "eddyline.fleet",
        "eddyline.graph",
    ),
    *("eddyline.media.frame_verification", "eddyline.media.ladder", "eddyline.media.pictures"),
    *("eddyline.media.streaming", "eddyline.page", "eddyline.pipeline.publication"),
    *("eddyline.pipeline.runs", "eddyline.pipeline.steps"),
)
_UNUSED_BY_RUN = (
    *("eddyline.edit.merge.merge", "eddyline.gpmf.export.fit", "eddyline.graph.coordinator"),
    *("eddyline.media.subtitles.web_subtitles",),
)
_UNUSED_BY_HELP = ("numpy", "pydantic", "eddyline.app", "eddyline.media", "eddyline.mp4", "eddyline.pipeline")


@pytest.fixture(scope="module")
def clip(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of two seconds with two keyframes and an audio track, without telemetry."""
    path = tmp_path_factory.mktemp("imports") / "clip.mp4"
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=2", "-f", "lavfi", "-i", "sine=997:d=2")
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-c:a", "aac")
    subprocess.run([ffmpeg, "-v", "error", *inputs, *options, f"{path}"], check=True)
    return path


@dataclass(frozen=True, kw_only=True)
class Used:
    """The modules that a command imported, and the programs that it started."""

    modules: list[str]
    programs: list[str]

    def among(self, *names: str) -> list[str]:
        """The imported modules that have one of the names, or are below one of them."""
        return [each for each in self.modules if any(f"{each}.".startswith(f"{name}.") for name in names)]


def _run(*arguments: str) -> Used:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], capture_output=True, text=True, check=True
    )
    modules, programs = done.stdout.splitlines()[-2:]
    return Used(modules=modules.split()[1:], programs=programs.split()[1:])


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_no_command(argument: str) -> None:
    used = _run(argument)
    assert not used.among(*_UNUSED_BY_ALL, *_UNUSED_BY_PROBE, *_UNUSED_BY_HELP)
    assert "eddyline.cli.run" not in used.modules


def test_probe_imports_neither_the_ledger_nor_the_pipeline(clip: Path) -> None:
    used = _run("probe", str(clip))
    assert not used.among(*_UNUSED_BY_ALL, *_UNUSED_BY_PROBE)
    # The format of the audio, and the first frame with the metadata.
    assert len(used.programs) == 2


def test_a_run_imports_no_service_and_starts_few_programs(clip: Path, tmp_path: Path) -> None:
    used = _run("run", str(clip), "--out", str(tmp_path / "out"))
    assert not used.among(*_UNUSED_BY_ALL, *_UNUSED_BY_RUN)
    names = Counter(Path(each).name.split("-")[0] for each in used.programs)
    # FFmpeg: audio format, audio, poster, images, samples of the source, chunk, samples of the rendition,
    # quality.
    assert names == {"ffmpeg": 8, "ffprobe": 1, "packager": 1}
