"""Fixtures of the acceptance tests: the command line and a small profile."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

SMALL_PROFILE = """
rungs:
  - {height: 180, crf: 30, preset: veryfast, maxrate_kbps: 400, bufsize_kbps: 800}
  - {height: 90, crf: 30, preset: veryfast, maxrate_kbps: 200, bufsize_kbps: 400}
pictures: {thumbs: 3, poster_width: 320, thumb_width: 160}
quality: off
"""


@pytest.fixture(scope="session")
def eddyline() -> tuple[str, ...]:
    """The command line of the program under test."""
    return (sys.executable, "-m", "eddyline")


@pytest.fixture(scope="session")
def small_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile of two small rungs, which are fast to encode. Other tests measure quality."""
    path = tmp_path_factory.mktemp("profile") / "small.yaml"
    path.write_text(SMALL_PROFILE)
    return path


def manifest_of(out: Path) -> dict[str, Any]:
    """The only manifest in an output directory."""
    (path,) = out.glob("assets/*/manifest.json")
    return dict(json.loads(path.read_text()))
