"""What a command must not import: start-up is a large part of the time of a short command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import sys
from eddyline.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
finally:
    sys.stdout.flush()
    print("MODULES", *sorted(sys.modules))
"""
# Packages by the command that must not import them, and modules of Eddyline by prefix.
_UNUSED_BY_ALL = (
    *("alembic", "boto3", "fastapi", "http", "numpy.ma", "obstore", "prometheus_client"),
    *("rich.live", "scipy", "sqlalchemy.orm", "ssl", "structlog", "urllib.request", "xml"),
    *("eddyline.aws", "eddyline.ingest", "eddyline.library", "eddyline.observe", "eddyline.sim"),
    *("eddyline.web", "eddyline.app.fleet", "eddyline.app.edit", "eddyline.edit.combine"),
    *("eddyline.edit.strip_location", "eddyline.edit.trim", "eddyline.fleet.scaler"),
)
_UNUSED_BY_PROBE = (
    *("asyncio", "sqlalchemy", "sqlite3", "yaml", "eddyline.edit", "eddyline.fleet", "eddyline.graph"),
    *("eddyline.media.frame_verification", "eddyline.media.ladder", "eddyline.media.pictures"),
    *("eddyline.media.streaming", "eddyline.page", "eddyline.pipeline.publication"),
    *("eddyline.pipeline.runs", "eddyline.pipeline.steps"),
)
_UNUSED_BY_HELP = ("numpy", "pydantic", "eddyline.app", "eddyline.media", "eddyline.mp4", "eddyline.pipeline")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of two seconds with an audio track."""
    from eddyline.pipeline.demo_clip.make import make_clip

    return make_clip(tmp_path_factory.mktemp("imports") / "clip.mp4", seconds=2, width=160, height=90)


def _modules(*arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()[1:]


def _among(modules: list[str], names: tuple[str, ...]) -> list[str]:
    return [each for each in modules if any(each == name or each.startswith(f"{name}.") for name in names)]


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_no_command(argument: str) -> None:
    modules = _modules(argument)
    assert not _among(modules, (*_UNUSED_BY_ALL, *_UNUSED_BY_PROBE, *_UNUSED_BY_HELP))
    assert "eddyline.cli.run" not in modules


def test_probe_imports_neither_the_ledger_nor_the_pipeline(clip: Path) -> None:
    modules = _modules("probe", str(clip))
    assert not _among(modules, (*_UNUSED_BY_ALL, *_UNUSED_BY_PROBE))
