"""The directories of shared files, which are beside the checkout and not part of it."""

from __future__ import annotations

import os
from pathlib import Path

_SHARED = Path(__file__).resolve().parents[2] / "shared"

SAMPLES = Path(os.environ.get("EDDYLINE_SAMPLES", _SHARED / "samples"))
"""Real camera files."""
CASES = Path(os.environ.get("EDDYLINE_CASES", _SHARED / "cases"))
"""Small files from public bug reports."""
