"""`eddyline.pipeline.probe`: the facts of one source."""

from __future__ import annotations

from pathlib import Path

from eddyline.media.source.source import SourceFacts
from eddyline.pipeline.api.environment import find_toolchain, read_settings
from eddyline.pipeline.runtime.probe_source import probe_source


def probe(source: str | Path) -> SourceFacts:
    """Return the facts of one source: a path, or an address such as `s3://bucket/key`.

    Reads the source by ranges and decodes its first frame; writes nothing beside temporary files. Raises
    `InputError` or `UnsupportedError` for a source that cannot be processed, `MissingError`, `UsageError`.
    """
    return probe_source(source, find_toolchain(read_settings()))
