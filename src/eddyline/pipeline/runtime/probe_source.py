"""One look at a source, as inspection would see it, leaving nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from eddyline.core import files
from eddyline.core.process import Runner
from eddyline.media.source.probe import probe
from eddyline.media.source.source import SourceFacts
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.runtime.read_counter import ReadCounter
from eddyline.pipeline.runtime.source_files import SourceFile
from eddyline.pipeline.runtime.source_reader import open_as_mp4


def probe_source(address: str | Path, tools: Toolchain, *, runner: Runner | None = None) -> SourceFacts:
    """What one file or object is; what is not MP4 is rewrapped to a temporary one first.

    Raises `InputError` or `UnsupportedError` for what is no footage, `MissingError`, `TransientError`.
    """
    runner = runner or Runner()
    original = SourceFile.of(address)
    looking = files.translate_errors(f"looking at {original.name}")
    with looking, tempfile.TemporaryDirectory(prefix="eddyline-") as made:
        work = Path(made)
        opening = open_as_mp4(original, work=work, runner=runner, tools=tools, read_counter=ReadCounter())
        with opening as found, original.open() as source:
            return probe(
                found.src,
                found.movie,
                runner=runner,
                tools=tools,
                work=work,
                original=None if found.wrapped is None else source,
                container=found.container,
                left_out=found.left_out,
                codec=found.codec,
                subtitles=found.subtitle_facts,
                chapters=found.own_chapters,
            )
