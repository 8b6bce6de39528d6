"""One look at a file, as inspection would see it, leaving nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from eddyline.core import files
from eddyline.core.process import Runner
from eddyline.media.probe import open_footage, probe
from eddyline.media.source import SourceFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.ranges import FileRanges


def look(path: Path, tools: Toolchain, *, runner: Runner | None = None) -> SourceFacts:
    """What one file is; what is not MP4 is remuxed to a temporary one first.

    Raises `InputError` or `UnsupportedError` for what is no footage, `MissingError`, `TransientError`.
    """
    runner = runner or Runner()
    with files.told_apart(f"looking at {path.name}"), tempfile.TemporaryDirectory(prefix="eddyline-") as made:
        work = Path(made)
        opened = open_footage(path, work=work, runner=runner, tools=tools)
        with FileRanges(opened.path) as src, FileRanges(path) as original:
            return probe(
                src,
                opened.movie,
                runner=runner,
                tools=tools,
                work=work,
                original=None if opened.path == path else original,
                container=opened.container,
            )
