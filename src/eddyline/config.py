"""The settings that come from the environment: read once, checked whole.

Each is documented in docs/reference/settings.md (a test checks that).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Programs to use in place of the wheels' own; None: the wheel's."""

    ffmpeg: Path | None = None
    ffprobe: Path | None = None
    packager: Path | None = None


VARIABLES = {
    "EDDYLINE_FFMPEG": "ffmpeg",
    "EDDYLINE_FFPROBE": "ffprobe",
    "EDDYLINE_PACKAGER": "packager",
}


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises `UsageError` for a variable that Eddyline does not know."""
    environment = os.environ if environment is None else environment
    ours = {name: value for name, value in environment.items() if name.startswith("EDDYLINE_")}
    unknown = sorted(set(ours) - set(VARIABLES) - {"EDDYLINE_SAMPLES"})
    if unknown:
        raise UsageError(f"{unknown[0]} is not a setting", remedy=f"known are {', '.join(sorted(VARIABLES))}")
    return Settings(
        **{VARIABLES[name]: Path(value) for name, value in ours.items() if name in VARIABLES and value}
    )
