"""The directories of shared files, which are beside the checkout and not part of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"

SAMPLES = Path(os.environ.get("EDDYLINE_SAMPLES", _SHARED / "samples"))
"""Real camera files."""
CASES = Path(os.environ.get("EDDYLINE_CASES", _SHARED / "cases"))
"""Small files from public bug reports."""
DATA = Path(os.environ.get("EDDYLINE_DATA", _SHARED / "data"))
"""Public figures of EC2: instance types, prices, Spot advisor, measured throughput, Spot traces."""


def data_file(name: str) -> Path:
    """The path of a file of `DATA`; skips the test if it is absent."""
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"no {name} in {DATA}: set EDDYLINE_DATA to the directory of EC2 figures")
    return path
