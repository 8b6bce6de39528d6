"""`eddyline.pipeline.telemetry`: the GPMF telemetry of one source."""

from __future__ import annotations

from pathlib import Path

from eddyline import gpmf
from eddyline.pipeline.api.environment import read_settings
from eddyline.pipeline.runtime.source_files import SourceFile


def telemetry(source: str | Path) -> gpmf.Telemetry:
    """Return the GPMF telemetry of one source: a path, or an address such as `s3://bucket/key`.

    Invalid parts are left out and listed in the result's `warnings`. Raises `gpmf.NoTelemetryError` for a
    source without telemetry, `MissingError`, `UsageError`.
    """
    read_settings()
    with SourceFile.current(source).open() as src:
        return gpmf.read(src, lenient=True)
